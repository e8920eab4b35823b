#!/usr/bin/env bash
# @upstash/lock 0.2.1 with @upstash/redis 1.39.0: `extend` takes milliseconds, and knows whole seconds only.
#
# All times of this lock are in milliseconds, and are kept as such when it is taken. `extend(amt)` is to add that many to what
# is left. One expects half a second to be half a second. But it is done with the server's TTL and EXPIRE, which are in
# seconds: what is left is rounded first, so that up to half a second is lost or won, a lock with less than half a second left,
# which is just when one extends it, is said not to be held, and an `amt` that is no multiple of 1,000 is an error.
#
# Seen with redis-server 7.0.15, Node 20 (the client of Upstash speaks to it through ioredis 5.11.1; left, to a tenth):
#
#     1400 ms left, extend(1000): true, 2.0 s left
#     1900 ms left, extend(1000): true, 3.0 s left
#     400 ms left, extend(1000): false, 0.4 s left
#     1900 ms left, extend(500): ERR value is not an integer or out of range
#
# Succeeds while this is so. What to do instead: leases and extensions of whole seconds, and extend with a second to spare.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @upstash/lock@0.2.1 @upstash/redis@1.39.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Lock } from "@upstash/lock"
import { Redis } from "@upstash/redis"
import { Redis as Connection } from "ioredis"

const connection = new Connection(Number(process.argv[2]))
// A requester, in place of the one that speaks HTTP.
const redis = new Redis({ request: async ({ body }) => ({ result: await connection.call(...body.map(String)) }) })

let i = 0
for (const [lease, amount] of [[1400, 1000], [1900, 1000], [400, 1000], [1900, 500]]) {
  const lock = new Lock({ id: `report-${i++}`, lease, redis })
  await lock.acquire()
  const extended = await lock.extend(amount).catch((error) => error.message.replace(/ script: .*/, ""))
  const left = ((await connection.pttl(lock.id)) / 1000).toFixed(1)
  console.log(`${lease} ms left, extend(${amount}): ${typeof extended === "string" ? extended : `${extended}, ${left} s left`}`)
}
process.exit()
JS
expected="1400 ms left, extend(1000): true, 2.0 s left
1900 ms left, extend(1000): true, 3.0 s left
400 ms left, extend(1000): false, 0.4 s left
1900 ms left, extend(500): ERR value is not an integer or out of range"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
