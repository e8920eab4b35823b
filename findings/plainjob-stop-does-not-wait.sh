#!/usr/bin/env bash
# plainjob 0.0.14: `worker.stop()`, which "finishes processing jobs", resolves while a job is at work.
#
# The README shows how to end a program: `await worker.stop() // <-- finishes processing jobs`, then `queue.close()`, then
# `process.exit(0)`. One expects the second to come when the job is done. But what `stop` waits for is the pause between two
# looks into the queue, and a worker that is at work is in none. So the job is cut off wherever it is, at each deployment, and
# as it stays marked as being processed, it is done again half an hour later at the earliest. An idle worker is waited for.
#
# Seen with libsql in place of better-sqlite3 (the same interface), Node 20 (a job of three steps; it is stopped after the first):
#
#     step 1
#     stop has resolved, the job is being processed
#     the process ends
#
# Succeeds while this is so. What to do instead: to count one's own jobs, and wait for them.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund plainjob@0.0.14 libsql@0.5.29
cat > try.mjs << 'JS'
import Database from "libsql"
import { better, defineQueue, defineWorker } from "plainjob"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
const queue = defineQueue({ connection: better(new Database("data.db")), logger })
let begun
const begins = new Promise((resolve) => begun = resolve)
const processor = async () => {
  for (let step = 1; step <= 3; step++) {
    console.log(`step ${step}`)
    begun()
    await sleep(2000)
  }
}
const worker = defineWorker("job", processor, { queue, logger })
worker.start()
const { id } = queue.add("job", {})
await begins
await worker.stop()
const status = ["pending", "being processed", "done", "failed"][queue.getJobById(id).status]
console.log(`stop has resolved, the job is ${status}`)
queue.close()
console.log("the process ends")
process.exit(0)
JS
expected="step 1
stop has resolved, the job is being processed
the process ends"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
