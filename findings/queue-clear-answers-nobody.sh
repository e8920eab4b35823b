#!/usr/bin/env bash
# p-limit 7.3.3, fastq 1.20.3 and async 3.2.6: who waits in a queue that is cleared is never answered.
#
# At shutdown, or when a key is given up, one clears a queue: `limit.clearQueue()`, `queue.kill()`, `queue.remove(...)`. What waits is not to
# be done any more, and one expects those who `await` it to be told, with an error, so that they can give back what they hold, as p-queue
# 10 and bottleneck tell them. Here their promises stay as they are for good: a `Promise.all` over them never ends, no `finally` is
# run, so a lock or a connection that one of them holds is never given back; and a program that waits for nothing else ends
# as if all were done (13 at a top-level await, 0 within a function).
#
# Seen with Node 24.21.0 (one is at work, another one waits when the queue is cleared):
#
#     p-limit, clearQueue: never answered, finally not run
#     fastq, kill: never answered, finally not run
#     async, remove: never answered, finally not run
#     p-queue 9.3.5, clear: never answered, finally not run
#     p-queue 10.0.0, clear: The queue was cleared, finally run
#     bottleneck, stop: This limiter has been stopped., finally run
#
# Succeeds while this is so. What to do instead: `rejectOnClear: true` for p-limit, `abort()` for fastq, p-queue 10.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node24@npm:node@24.21.0 p-limit@7.3.3 fastq@1.20.3 async@3.2.6 p-queue9@npm:p-queue@9.3.5 p-queue@10.0.0 bottleneck@2.19.5
cat > try.mjs << 'JS'
import async from "async"
import Bottleneck from "bottleneck"
import fastq from "fastq"
import pLimit from "p-limit"
import PQueue from "p-queue"
import PQueue9 from "p-queue9"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const seen = async (name, add, clear) => {
  const work = () => sleep(100)
  add(work).catch(() => {})
  let last = "not run"
  const waits = async () => {
    try {
      return await add(work)
    } finally {
      last = "run"
    }
  }
  const told = waits().then(() => "done", (error) => error.message)
  await sleep(20)
  clear()
  const answer = await Promise.race([told, sleep(1000).then(() => "never answered")])
  console.log(`${name}: ${answer}, finally ${last}`)
}
const limit = pLimit(1)
await seen("p-limit, clearQueue", limit, () => limit.clearQueue())
const fast = fastq.promise((work) => work(), 1)
await seen("fastq, kill", (work) => fast.push(work), () => fast.kill())
const queue = async.queue(async (work) => work(), 1)
await seen("async, remove", (work) => queue.pushAsync(work), () => queue.remove(() => true))
for (const [version, Queue] of [["9.3.5", PQueue9], ["10.0.0", PQueue]]) {
  const queue = new Queue({ concurrency: 1 })
  await seen(`p-queue ${version}, clear`, (work) => queue.add(work), () => queue.clear())
}
const bottleneck = new Bottleneck({ maxConcurrent: 1 })
await seen("bottleneck, stop", (work) => bottleneck.schedule(work), () => void bottleneck.stop())
process.exit()
JS
expected="p-limit, clearQueue: never answered, finally not run
fastq, kill: never answered, finally not run
async, remove: never answered, finally not run
p-queue 9.3.5, clear: never answered, finally not run
p-queue 10.0.0, clear: The queue was cleared, finally run
bottleneck, stop: This limiter has been stopped., finally run"
seen=$(node_modules/node24/bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
