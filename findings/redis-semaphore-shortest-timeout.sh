#!/usr/bin/env bash
# redis-semaphore 5.8.0 with ioredis 5.11.1: who asks with a short `lockTimeout` throws out those who hold with a long one.
#
# `lockTimeout` is the time after which one's own permit ends if it is not renewed, so one expects it to be a matter of each
# holder, as with the library's `Mutex`. In `Semaphore` no permit has an end of its own: stored is when it was taken, and who
# asks takes for dead whoever took it (or renewed it) longer ago than the *asker's* time. So a job that holds for 30 s and
# renews every 24 s is not counted any more when one comes that asks with a second, and the limit does not hold. The first is
# not told; when it renews it finds that it has lost. The other way round, a crashed holder stays for as long as the longest.
#
# Seen with redis-server 7.0.15, Node 20 (one permit; the first holds for 30 s and asked 1.5 s ago):
#
#     Mutex: asked with 30000 ms: refused, asked with 1000 ms: refused
#     Semaphore: asked with 30000 ms: refused, asked with 1000 ms: let in
#     the first still says that it holds it: true
#
# Succeeds while this is so. What to do instead: one `lockTimeout` for all who use a name.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund redis-semaphore@5.8.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Redis } from "ioredis"
import { Mutex, Semaphore } from "redis-semaphore"

const client = new Redis(Number(process.argv[2]))
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const once = { acquireAttemptsLimit: 1 }
const makers = {
  Mutex: (options) => new Mutex(client, "report", options),
  Semaphore: (options) => new Semaphore(client, "report", 1, options)
}
let first
for (const [name, make] of Object.entries(makers)) {
  first = make({ lockTimeout: 30_000 })
  await first.acquire()
  await sleep(1500)
  const asked = []
  for (const lockTimeout of [30_000, 1000]) {
    const got = await make({ lockTimeout, ...once }).tryAcquire()
    asked.push(`asked with ${lockTimeout} ms: ${got ? "let in" : "refused"}`)
  }
  console.log(`${name}: ${asked.join(", ")}`)
}
console.log(`the first still says that it holds it: ${first.isAcquired}`)
process.exit()
JS
expected="Mutex: asked with 30000 ms: refused, asked with 1000 ms: refused
Semaphore: asked with 30000 ms: refused, asked with 1000 ms: let in
the first still says that it holds it: true"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
