#!/usr/bin/env bash
# bullmq 6.7.0: with `keepLastIfActive`, what is added while the job waits for its retry is dropped, and what came before it has the last word.
#
# Of `keepLastIfActive` it is said that what is added while the job runs is stored, "only the latest data is kept", and becomes a
# job when that one "finishes (completes or fails)". So one uses it for "save the document": at most one save runs, and the last
# state is saved in the end. While the job is not running but waits for its next attempt, a new one is dropped, as in the plain
# mode, where it is the job waiting that will do. But this one will do it with what it was given when it was added, and what was
# stored during its first attempt is done after it. So the state that is saved at last is neither the newest, nor is it known
# to anybody that there was a newer one: `add` resolves to the first job.
#
# Seen with redis-server 7.0.15, Node 20 (the first attempt fails):
#
#     begins with state 1
#     state 2 is added while it is active
#     state 3 is added while it is delayed
#     begins with state 1
#     begins with state 2
#     nothing is left to do; jobs: state 1 completed, state 2 completed
#
# Succeeds while this is so. What to do instead: a job that reads the newest state when it runs.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bullmq@6.7.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Queue, Worker } from "bullmq"

const connection = { port: Number(process.argv[2]), maxRetriesPerRequest: null }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const queue = new Queue("queue", { connection })
const options = { attempts: 2, backoff: 3000, deduplication: { id: "document", keepLastIfActive: true } }
const add = (state) => queue.add("save", state, options)

let begun, fail
const begins = new Promise((resolve) => begun = resolve)
const failing = new Promise((resolve) => fail = resolve)
const handler = async (job) => {
  console.log(`begins with ${job.data}`)
  if (job.data === "state 1" && job.attemptsMade === 0) {
    begun()
    await failing
    throw new Error("no")
  }
}
new Worker("queue", handler, { connection, concurrency: 5 })
const job = await add("state 1")
await begins
console.log(`state 2 is added while it is ${await job.getState()}`)
await add("state 2")
fail()
while (await job.getState() === "active") await sleep(20)
console.log(`state 3 is added while it is ${await job.getState()}`)
await add("state 3")
while ((await queue.getJobCounts("completed")).completed < 2) await sleep(100)
await sleep(2000)
const left = await queue.getJobCountByTypes("waiting", "active", "delayed", "prioritized")
const jobs = await queue.getJobs()
const all = await Promise.all(jobs.map(async (it) => `${it.data} ${await it.getState()}`))
console.log(`${left === 0 ? "nothing" : left} is left to do; jobs: ${all.sort().join(", ")}`)
process.exit()
JS
expected="begins with state 1
state 2 is added while it is active
state 3 is added while it is delayed
begins with state 1
begins with state 2
nothing is left to do; jobs: state 1 completed, state 2 completed"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
