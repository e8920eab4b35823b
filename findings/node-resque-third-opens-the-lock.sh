#!/usr/bin/env bash
# node-resque 9.7.1: with its `JobLock`, a third job of the same kind takes the lock from the first, which is at work, and the second begins.
#
# "If a job with the same name, queue, and args is already running, put this job back in the queue and try later": with two jobs it is so,
# the second one is put off by a second, again and again. One expects that of any number. But two jobs of the same arguments cannot be
# put off to the same second ("Job already enqueued at this time"), so the third one fails for that; and after a job that failed, the
# plugin removes the lock, whose ever it is. Whoever comes next, a fourth one or the second, a second later, finds it free, and runs beside
# the first. So the lock holds as long as it is hardly needed, and gives way under a burst.
#
# Seen with redis-server 7.0.15, Node 20 (a job of 30 s, two workers; looked at after the jobs that were put off have come back):
#
#     2 jobs: 1 at work, failed: 0
#     3 jobs: 2 at work, failed: 1
#     4 jobs: 2 at work, failed: 1
#
# Succeeds while this is so. What to do instead: `reEnqueue: false`, and what is dropped is put in again by whoever needs it.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node-resque@9.7.1 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import resque from "node-resque"
import { setTimeout as sleep } from "node:timers/promises"

const [port, copies] = process.argv.slice(2).map(Number)
const connection = { pkg: "ioredis", host: "127.0.0.1", port, database: copies }
let atWork = 0
let failed = 0
const report = {
  plugins: ["JobLock"],
  perform: async () => {
    atWork++
    await sleep(30_000)
  }
}
const jobs = { report }
const queue = new resque.Queue({ connection }, jobs)
await queue.connect()
for (let i = 0; i < copies; i++) await queue.enqueue("reports", "report", ["daily"])
for (const name of ["one", "two"]) {
  const worker = new resque.Worker({ connection, queues: ["reports"], name, timeout: 50 }, jobs)
  await worker.connect()
  worker.on("failure", () => failed++)
  await worker.start()
  while (atWork === 0) await sleep(10)
}
// the scheduler brings back what was put off
while (await queue.length("reports")) await sleep(10)
await sleep(500)
const scheduler = new resque.Scheduler({ connection, timeout: 100 })
await scheduler.connect()
await scheduler.start()
for (let i = 0; i < 50 && atWork < 2; i++) await sleep(100)
console.log(`${copies} jobs: ${atWork} at work, failed: ${failed}`)
process.exit()
JS
expected="2 jobs: 1 at work, failed: 0
3 jobs: 2 at work, failed: 1
4 jobs: 2 at work, failed: 1"
seen=$(node try.mjs "$port" 2; node try.mjs "$port" 3; node try.mjs "$port" 4)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
