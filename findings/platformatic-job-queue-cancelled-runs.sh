#!/usr/bin/env bash
# @platformatic/job-queue 0.5.0: a job that was cancelled is done all the same, if one of that id is enqueued after it.
#
# `cancel` takes a job that waits out of the queue; its id is free then, and one enqueues the job anew as it should be: another
# amount, another address. One expects the new one to be done. Both are. Cancelling forgets the id and leaves the message
# in the queue, where it is passed over when its id is unknown; but the id is known again now, and stands for both
# messages. The one that was cancelled comes first, and its result is the one that is kept for who waits for the other.
#
# Seen with Node 24 (the storage in memory; with Redis it is the same; the queue is busy, so that the job waits):
#
#     order-1 of 100 cancelled: cancelled; order-1 of 20: queued
#     done: 100, 20
#     who waited for the second one was told: ordered for 100
#
# Succeeds while this is so. What to do instead: a new id.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @platformatic/job-queue@0.5.0 node@24.10.0
cat > try.mjs << 'JS'
import { MemoryStorage, Queue } from "@platformatic/job-queue"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const queue = new Queue({ storage: new MemoryStorage() })
const done = []
queue.execute(async ({ payload }) => {
  await sleep(300)
  if (payload.amount > 0) done.push(payload.amount)
  return `ordered for ${payload.amount}`
})
await queue.start()
await queue.enqueue("order-0", { amount: 0 })
await sleep(100)
await queue.enqueue("order-1", { amount: 100 })
const cancelled = await queue.cancel("order-1")
const waiting = queue.enqueueAndWait("order-1", { amount: 20 }, { timeout: 5000 })
await sleep(50)
console.log(`order-1 of 100 cancelled: ${cancelled.status}; order-1 of 20: ${(await queue.getStatus("order-1")).state}`)
const told = await waiting
await sleep(1000)
console.log(`done: ${done.join(", ")}`)
console.log(`who waited for the second one was told: ${told}`)
process.exit()
JS
expected="order-1 of 100 cancelled: cancelled; order-1 of 20: queued
done: 100, 20
who waited for the second one was told: ordered for 100"
seen=$(node_modules/.bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
