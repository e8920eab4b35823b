#!/usr/bin/env bash
# node-redis 6.3.1, `createClientPool`: a WATCH that was left on a client fails somebody else's transaction.
#
# `pool.execute(fn)` lends a client to `fn` for what has to be on one connection, such as WATCH. One expects the next user to
# find the client as new, as pools do that reset what comes back, or at least that returning from `fn` ends what it began. But a
# client that saw WATCH and no EXEC (it returned early, as there was nothing to do, or threw) goes back as it is. When the key
# changes later, the next MULTI on that connection is refused with a WatchError, though it watches nothing, and has nothing to
# do with the key. Which user that is depends on the connection he gets. The same goes for the database: after SELECT the pool's
# commands work in another one.
#
# Seen with redis-server 7.0.15, Node 20 (a pool of one):
#
#     somebody looks at the stock, and returns early
#     an unrelated transaction, after the stock has changed: WatchError
#     the same once more: done
#     after somebody chose database 3: a key of the pool is in 0: false, in 3: true
#
# Succeeds while this is so. What to do instead: UNWATCH, and SELECT, in a `finally` of one's own.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund redis@6.3.1
redis-server --port 0 --unixsocket "$folder/socket" --save "" > /dev/null &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { createClient, createClientPool } from "redis"

const socket = { path: "./socket" }
const pool = createClientPool({ socket }, { minimum: 1, maximum: 1 })
pool.on("error", () => {})
await pool.connect()
const other = await createClient({ socket }).connect()

await other.set("stock", "0")
await pool.execute(async (client) => {
  await client.watch("stock")
  if (await client.get("stock") === "0") return
  await client.multi().decr("stock").exec()
})
console.log("somebody looks at the stock, and returns early")
await other.set("stock", "5")
const unrelated = () => pool.multi().set("greeting", "hello").exec().then(() => "done", (error) => error.constructor.name)
console.log(`an unrelated transaction, after the stock has changed: ${await unrelated()}`)
console.log(`the same once more: ${await unrelated()}`)

await pool.execute((client) => client.select(3))
await pool.set("key", "value")
const in0 = await other.exists("key") === 1
await other.select(3)
const in3 = await other.exists("key") === 1
console.log(`after somebody chose database 3: a key of the pool is in 0: ${in0}, in 3: ${in3}`)
process.exit()
JS
expected="somebody looks at the stock, and returns early
an unrelated transaction, after the stock has changed: WatchError
the same once more: done
after somebody chose database 3: a key of the pool is in 0: false, in 3: true"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
