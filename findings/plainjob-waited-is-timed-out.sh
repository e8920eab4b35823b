#!/usr/bin/env bash
# plainjob 0.0.14: a job that has waited in the queue for longer than `timeout` is taken for timed out as soon as it begins, and done twice.
#
# `timeout`, half an hour if not set, is there to "re-queue jobs if a worker dies", so one expects it to be counted from when a
# worker takes the job. It is counted from when the job was due. While the workers keep up, that is nearly the same. With a
# backlog of more than the timeout, each job that is begun is put back into the queue at the next check (each minute) and
# handed to the next worker that is free, beside the first. So with the load comes double work, which makes the backlog longer.
#
# Seen with libsql in place of better-sqlite3 (the same interface), Node 20 (the timeout is 4 s, a job takes 2 s):
#
#     the worker is there when the job is added: begun 1 time, at most 1 at once
#     the job waits for 5 s first: begun 2 times, at most 2 at once
#
# Succeeds while this is so.
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
const look = async (words, wait) => {
  const connection = better(new Database(`${wait}.db`))
  const queue = defineQueue({ connection, timeout: 4000, maintenanceInterval: 500, logger })
  let begun = 0
  let running = 0
  let most = 0
  const processor = async () => {
    begun++
    most = Math.max(most, ++running)
    await sleep(2000)
    running--
  }
  queue.add("job", {})
  await sleep(wait)
  const workers = [1, 2].map(() => defineWorker("job", processor, { queue, pollIntervall: 100, logger }))
  for (const worker of workers) worker.start()
  await sleep(1000)
  for (const worker of workers) worker.stop()
  while (running > 0) await sleep(100)
  console.log(`${words}: begun ${begun} ${begun === 1 ? "time" : "times"}, at most ${most} at once`)
}
await look("the worker is there when the job is added", 0)
await look("the job waits for 5 s first", 5000)
process.exit()
JS
expected="the worker is there when the job is added: begun 1 time, at most 1 at once
the job waits for 5 s first: begun 2 times, at most 2 at once"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
