#!/usr/bin/env bash
# workerpool 10.0.3: with `maxQueueSize`, tasks that were cancelled keep new ones out, and who is kept out is told by a throw, not a rejection.
#
# `maxQueueSize` keeps a pool from taking more than it can do, and `cancel()` takes a task back: its promise is rejected, nothing
# will be run. So one expects its place in the queue to be free. But it stays there until a worker would have begun it: behind
# one long task, a queue of cancelled ones is full, `stats()` calls them pending, and `exec` refuses what there is room for, for as long as
# the long one takes. And `exec`, which gives a promise, and rejects it for whatever else goes wrong, throws: a `.catch` does not see it.
#
# Seen with Node 20 (one worker at a long task, `maxQueueSize: 2`, two tasks that wait and are cancelled):
#
#     pending: 2
#     the next task: thrown, Max queue size of 2 reached
#     when the long task is done: pending: 0
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund workerpool@10.0.3
cat > try.mjs << 'JS'
import workerpool from "workerpool"

const pool = workerpool.pool({ maxWorkers: 1, maxQueueSize: 2 })
const work = (ms) => new Promise((done) => setTimeout(done, ms))
const long = pool.exec(work, [500])
const cancelled = []
for (let i = 0; i < 2; i++) {
  const task = pool.exec(work, [1])
  cancelled.push(task.then(() => console.log("done"), () => {}))
  task.cancel()
}
await Promise.all(cancelled)
console.log(`pending: ${pool.stats().pendingTasks}`)
let told = "thrown"
try {
  const next = pool.exec(work, [1])
  told = "rejected"
  await next
  console.log("the next task: done")
} catch (error) {
  console.log(`the next task: ${told}, ${error.message}`)
}
await long
await new Promise((done) => setTimeout(done, 50))
console.log(`when the long task is done: pending: ${pool.stats().pendingTasks}`)
await pool.terminate()
JS
expected="pending: 2
the next task: thrown, Max queue size of 2 reached
when the long task is done: pending: 0"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
