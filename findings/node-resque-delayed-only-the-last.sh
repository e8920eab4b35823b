#!/usr/bin/env bash
# node-resque 9.7.1: with its `DelayQueueLock`, of a job that is scheduled for three times only the last one is run.
#
# "If a job with the same name, queue, and args is already in the delayed queue(s), do not enqueue it again": so one expects the first
# to be kept, and the second and third, which come while it waits, to be turned away. But what is put into the delayed queue is not looked
# at: all three are taken, each is told so. It is asked when one is due and goes from there to its queue: if another one waits there, for
# whatever hour, the one that is due is dropped. A reminder for today, tomorrow and next week is sent next week, and one
# that is put off anew each day never.
#
# Seen with redis-server 7.0.15, Node 20 (a reminder for now, one in 2 and one in 4 seconds):
#
#     no plugin: taken 3, run: the first, the second, the third
#     QueueLock: taken 3, run: the first, the second, the third
#     DelayQueueLock: taken 3, run: the third
#
# Succeeds while this is so. What to do instead: look with `queue.scheduledAt` before `enqueueIn`, or delete there what is replaced.
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

const [port, plugin, database] = process.argv.slice(2)
const connection = { pkg: "ioredis", host: "127.0.0.1", port: Number(port), database: Number(database) }
let runs = 0
const remind = { plugins: plugin === "no plugin" ? [] : [plugin], perform: async () => runs++ }
const jobs = { remind }
const queue = new resque.Queue({ connection }, jobs)
await queue.connect()
let taken = 0
for (const seconds of [0, 2, 4]) if (await queue.enqueueIn(seconds * 1000, "reminders", "remind", ["ann"])) taken++
const worker = new resque.Worker({ connection, queues: ["reminders"], timeout: 20 }, jobs)
await worker.connect()
await worker.start()
const scheduler = new resque.Scheduler({ connection, timeout: 20 }, jobs)
await scheduler.connect()
await scheduler.start()
// each one that is due is run before it is looked for the next
const seen = []
for (const name of ["the first", "the second", "the third"]) {
  const before = runs
  const waiting = Object.keys(await queue.allDelayed()).length
  while (Object.keys(await queue.allDelayed()).length === waiting) await sleep(20)
  await sleep(500)
  if (runs > before) seen.push(name)
}
console.log(`${plugin}: taken ${taken}, run: ${seen.join(", ")}`)
process.exit()
JS
expected="no plugin: taken 3, run: the first, the second, the third
QueueLock: taken 3, run: the first, the second, the third
DelayQueueLock: taken 3, run: the third"
seen=$(node try.mjs "$port" "no plugin" 1; node try.mjs "$port" QueueLock 2; node try.mjs "$port" DelayQueueLock 3)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
