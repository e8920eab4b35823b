#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1) with `enableAutoPipelining`: `multi()` and `pipeline()` overtake the commands that were called before.
#
# A client has one connection, and what it sends is carried out in the order in which the program called it; much is built on
# that, without waiting for each answer. Of auto-pipelining one is told that commands of one turn of the event loop are sent
# together at its end, and that "no other code change is necessary", so one expects the same order in fewer packets. But
# transactions and pipelines of one's own are not collected, and go out at once, before what was called earlier in the turn.
# A transaction does not see the write before it, and a lock that was taken and prolonged in one go is not there to prolong.
#
# Seen with redis-server 7.0.15, Node 20 (all called in one go, answers awaited afterwards):
#
#     without: SET new, then MULTI with GET: new; SET NX, then MULTI with PEXPIRE: 1; published: 1 2 3
#     with: SET new, then MULTI with GET: old; SET NX, then MULTI with PEXPIRE: 0; published: 2 1 3
#
# Succeeds while this is so. What to do instead: await what a transaction relies on.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Redis } from "ioredis"

const port = Number(process.argv[2])
const together = (...calls) => Promise.all(calls.map((call) => call()))
const look = async (enableAutoPipelining) => {
  const redis = new Redis({ port, enableAutoPipelining })
  const listener = new Redis({ port })
  await redis.ping()
  await redis.flushall()

  await redis.set("key", "old")
  const [, read] = await together(() => redis.set("key", "new"), () => redis.multi().get("key").exec())
  const [, prolonged] = await together(
    () => redis.set("lock", "me", "PX", 1000, "NX"),
    () => redis.multi().pexpire("lock", 60_000).exec()
  )
  const heard = []
  listener.on("message", (_, message) => heard.push(message))
  await listener.subscribe("channel")
  await together(
    () => redis.publish("channel", "1"),
    () => redis.pipeline().publish("channel", "2").exec(),
    () => redis.publish("channel", "3")
  )
  while (heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 10))
  redis.disconnect()
  listener.disconnect()
  return `SET new, then MULTI with GET: ${read[0][1]}; SET NX, then MULTI with PEXPIRE: ${prolonged[0][1]}; ` +
    `published: ${heard.join(" ")}`
}
console.log("without:", await look(false))
console.log("with:", await look(true))
JS
expected="without: SET new, then MULTI with GET: new; SET NX, then MULTI with PEXPIRE: 1; published: 1 2 3
with: SET new, then MULTI with GET: old; SET NX, then MULTI with PEXPIRE: 0; published: 2 1 3"
for version in 5.11.1 6.0.0; do
  npm install --silent --no-audit --no-fund "ioredis@$version"
  echo "ioredis $version"
  seen=$(node try.mjs "$port")
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
