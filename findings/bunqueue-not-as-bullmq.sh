#!/usr/bin/env bash
# bunqueue 2.9.5, "BullMQ-compatible": the most urgent job comes last, and what BullMQ does once is done twice.
#
# It has the names and options of BullMQ, and a program that was written for BullMQ runs with it: types, methods and options are the same.
# So one expects the same of it. But `priority: 1`, which is the highest one there is in BullMQ, is almost the lowest: the greater number
# comes first, and what has no priority, which BullMQ does first, comes last. A `jobId` that was done is done again, where BullMQ ignores
# it for as long as it has the job. And `deduplication` with a `ttl` is over when the job is, however long the `ttl`. Nothing is refused.
#
# Seen (the same program; the jobs with priorities wait until all of them are there):
#
#     bullmq: priorities: none, priority 1, priority 10
#     bullmq: one id: first
#     bullmq: deduplication for a minute: first
#     bunqueue: priorities: priority 10, priority 1, none
#     bunqueue: one id: first, again
#     bunqueue: deduplication for a minute: first, again
#
# Succeeds while this is so. Needs redis-server on this host, for BullMQ. What to do instead: ids and priorities of one's own for each of
# them.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts bunqueue@2.9.5 bun@1.4.5 bullmq@6.7.0 ioredis@5.11.1
node node_modules/bun/install.js > /dev/null 2>&1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
const [name, port] = process.argv.slice(2)
const { Queue, Worker } = await import(name === "bullmq" ? "bullmq" : "bunqueue/client")
const options = name === "bullmq" ? { connection: { host: "127.0.0.1", port, maxRetriesPerRequest: null } } : { embedded: true }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, add) => {
  const queue = new Queue(words.replaceAll(" ", "-"), options)
  const done = []
  let worker
  const work = () => worker ??= new Worker(queue.name, async (job) => void done.push(job.data.name), options)
  const idle = async (count) => {
    work()
    while (done.length < count) await sleep(20)
    await sleep(700)
  }
  await add((name, options) => queue.add("job", { name }, options), idle)
  console.log(`${name}: ${words}: ${done.join(", ")}`)
  await worker.close()
}
await look("priorities", async (add, idle) => {
  await add("priority 10", { priority: 10 })
  await add("none", {})
  await add("priority 1", { priority: 1 })
  await idle(3)
})
await look("one id", async (add, idle) => {
  await add("first", { jobId: "order-7" })
  await idle(1)
  await add("again", { jobId: "order-7" })
  await idle(1)
})
await look("deduplication for a minute", async (add, idle) => {
  await add("first", { deduplication: { id: "report", ttl: 60_000 } })
  await idle(1)
  await add("again", { deduplication: { id: "report", ttl: 60_000 } })
  await idle(1)
})
process.exit()
JS
expected="bullmq: priorities: none, priority 1, priority 10
bullmq: one id: first
bullmq: deduplication for a minute: first
bunqueue: priorities: priority 10, priority 1, none
bunqueue: one id: first, again
bunqueue: deduplication for a minute: first, again"
seen=$(node try.mjs bullmq "$port"; node_modules/.bin/bun try.mjs bunqueue 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
