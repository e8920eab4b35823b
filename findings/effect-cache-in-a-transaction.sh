#!/usr/bin/env bash
# effect 4.1.0 with @effect/sql-pg 4.0.5: a `Cache` that is asked within a transaction keeps what was never committed, for all.
#
# A cache of what is in the database has its client from the layer that it was made in, so one expects it to read what
# everybody reads, whoever asks. But the lookup runs with the services of whoever asks first, and a transaction is such a service: within
# `sql.withTransaction` the cache reads by the connection of the transaction. It keeps what the transaction saw, and gives it to all
# others before the commit, and after a rollback for as long as the entry lives. An `RcMap` and a `ScopedCache` do likewise.
#
# Seen with PostgreSQL 15.18, Node 24 (a price of 10; a transaction sets it to 0, asks the cache, and fails):
#
#     within the transaction: 0
#     after the rollback: the cache says 0, the table says 10
#     `requireServicesAt: "construction"`: the cache says 0, the table says 10
#     with the services of its making: the cache says 10, the table says 10
#
# Succeeds while this is so. What to do instead: give the lookup the services that were there when the cache was made and no others
# (`Effect.setContext`, as in the last line).
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 @effect/sql-pg@4.0.5
# The server does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { PgClient } from "@effect/sql-pg"
import { Cache, Effect } from "effect"
import { SqlClient } from "effect/sql"

await Effect.runPromise(Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table product (id integer primary key, price integer)`
  yield* sql`insert into product values (1, 10)`
  const price = (id) => Effect.map(sql`select price from product where id = ${id}`, ([row]) => row.price)
  const rolledBack = (cache) =>
    sql.withTransaction(Effect.gen(function*() {
      yield* sql`update product set price = 0 where id = 1`
      return yield* Effect.flatMap(Cache.get(cache, 1), Effect.fail)
    })).pipe(Effect.flip)
  const after = (cache) =>
    Effect.all([Cache.get(cache, 1), price(1)]).pipe(
      Effect.map(([cached, stored]) => `the cache says ${cached}, the table says ${stored}`)
    )

  const cache = yield* Cache.make({ capacity: 100, lookup: price })
  console.log(`within the transaction: ${yield* rolledBack(cache)}`)
  console.log(`after the rollback: ${yield* after(cache)}`)
  const constructed = yield* Cache.make({ capacity: 100, lookup: price, requireServicesAt: "construction" })
  yield* rolledBack(constructed)
  console.log(`\`requireServicesAt: "construction"\`: ${yield* after(constructed)}`)
  const context = yield* Effect.context()
  const own = yield* Cache.make({ capacity: 100, lookup: (id) => Effect.setContext(price(id), context) })
  yield* rolledBack(own)
  console.log(`with the services of its making: ${yield* after(own)}`)
}).pipe(Effect.provide(PgClient.layer({ host: process.cwd(), username: "postgres", database: "postgres" }))))
process.exit()
JS
expected='within the transaction: 0
after the rollback: the cache says 0, the table says 10
`requireServicesAt: "construction"`: the cache says 0, the table says 10
with the services of its making: the cache says 10, the table says 10'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
