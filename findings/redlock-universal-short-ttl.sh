#!/usr/bin/env bash
# redlock-universal 0.8.5 with ioredis 5.8.2: `using` renews a lock of 1,250 ms or less as fast as the server answers.
#
# The helper is said to extend the lock when 80 % of its time have gone, so one expects about one extension a second from
# a lock of 1,000 ms. But an extension that is due within a second is made at once, and the next one, planned from it, is
# again due within a second. One lock keeps the program and the server busy for as long as the work takes; with 1,300 ms
# it is as it should be.
#
# Seen with redis-server 7.0.15, Node 20 (scripts that the server ran in a second of work; the first figure varies):
#
#     a lock of 1000 ms: 35966
#     a lock of 1300 ms: 1
#
# Succeeds while the first makes more than 1,000 and the second fewer than 10.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund redlock-universal@0.8.5 ioredis@5.8.2
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
cat > try.mjs << 'JS'
import { Redis } from "ioredis"
import { createLock, IoredisAdapter } from "redlock-universal"

const redis = new Redis(Number(process.argv[2]))
const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0)
const counts = []
for (const ttl of [1000, 1300]) {
  const lock = createLock({ adapter: new IoredisAdapter(redis), key: "key", ttl })
  await lock.using(() => new Promise((resolve) => setTimeout(resolve, 50)))
  const before = await scripts()
  await lock.using(() => new Promise((resolve) => setTimeout(resolve, 1000)))
  counts.push(await scripts() - before)
  console.log(`a lock of ${ttl} ms: ${counts.at(-1)}`)
}
redis.disconnect()
process.exitCode = counts[0] > 1000 && counts[1] < 10 ? 0 : 1
JS
node try.mjs "$port" || { echo "changed"; exit 1; }
