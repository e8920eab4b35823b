#!/usr/bin/env bash
# @effect/cluster 0.60.2 on MariaDB: of two orders whose ids differ in case, the second gets the first one's answer and is never placed.
#
# A persisted message with a primary key is done once: a second one with the same key gets the answer of the first. So one expects two
# keys to be two messages, as they are in memory, SQLite and PostgreSQL. But the table is made with the database's own collation, in which
# "a7Qx" is "A7qX", and "é1" is "e1": ids of that kind (nanoid, base64, names) meet. The second message is a duplicate then, is answered
# at once with what was said of the first, and never reaches its entity, and nobody is told. As it is written by `insert ignore`, a
# payload of more than 64 KB is not refused either: it is cut, and accepted, and cannot be read any more, so that its sender waits for
# ever.
#
# Seen (effect 3.22.4, MariaDB 10.11; orders of one shop, by their ids):
#
#     order a7Qx: placed a7Qx
#     order A7qX: placed a7Qx
#     order é1: placed é1
#     order e1: placed é1
#     order 60 KB: placed 60 KB
#     order 70 KB: no answer
#     the shop was asked for: a7Qx, é1, 60 KB
#
# Succeeds while this is so. Needs mariadbd on this host. What to do instead: keys in lower-case hexadecimal, or a database with a binary
# collation, and `alter table cluster_messages modify payload longtext`.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@3.22.4 @effect/cluster@0.60.2 @effect/experimental@0.61.1 @effect/platform@0.97.2 @effect/rpc@0.76.2 @effect/sql@0.52.1 @effect/sql-mysql2@0.53.0 @effect/workflow@0.19.1
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --bind-address=127.0.0.1 --port="$port" --user="$(id -un)" > log 2>&1 &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { ClusterSchema, Entity, SingleRunner } from "@effect/cluster"
import { Rpc } from "@effect/rpc"
import { MysqlClient } from "@effect/sql-mysql2"
import { Effect, Layer, Logger, PrimaryKey, Redacted, Schema } from "effect"

class Order extends Schema.Class("Order")({ id: Schema.String, text: Schema.String }) {
  [PrimaryKey.symbol]() {
    return this.id
  }
}
const Shop = Entity.make("Shop", [
  Rpc.make("place", { payload: Order, success: Schema.String }).annotate(ClusterSchema.Persisted, true)
])
const placed = []
const ShopLive = Shop.toLayer({
  place: ({ payload }) =>
    Effect.sync(() => {
      placed.push(payload.id)
      return `placed ${payload.id}`
    })
})
const Sql = MysqlClient.layer({ url: Redacted.make(`mysql://root@127.0.0.1:${process.argv[2]}/test`) })
await Effect.runPromise(
  Effect.gen(function*() {
    const shop = (yield* Shop.client)("berlin")
    for (const [id, size] of [["a7Qx", 1], ["A7qX", 1], ["é1", 1], ["e1", 1], ["60 KB", 60_000], ["70 KB", 70_000]]) {
      const answer = yield* shop.place(new Order({ id, text: "x".repeat(size) })).pipe(
        Effect.timeoutTo({ duration: "8 seconds", onSuccess: (answer) => answer, onTimeout: () => "no answer" })
      )
      console.log(`order ${id}: ${answer}`)
    }
    console.log(`the shop was asked for: ${placed.join(", ")}`)
  }).pipe(
    Effect.provide(ShopLive.pipe(Layer.provideMerge(SingleRunner.layer({ runnerStorage: "memory" })), Layer.provide(Sql))),
    Effect.provide(Logger.remove(Logger.defaultLogger))
  )
)
process.exit()
JS
expected="order a7Qx: placed a7Qx
order A7qX: placed a7Qx
order é1: placed é1
order e1: placed é1
order 60 KB: placed 60 KB
order 70 KB: no answer
the shop was asked for: a7Qx, é1, 60 KB"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
