#!/usr/bin/env bash
# better-queue 3.8.12: with `concurrent: 2`, a queue that was paused does one task at a time, and `maxRetries: 1` is no retry.
#
# `pause` and `resume` are to begin where one stopped, with as many at once as before. But at `resume` one task is begun, and
# another one as long as *more than one* place is free after it; and each task that ends begins one. So of two places one stays
# empty for all that waits, until somebody pushes something. With three places or more nothing is amiss, nor with one. Likewise
# `maxRetries`, "to retry `maxRetries` times if they fail", is how often a task is tried: with 1, as with the default of 0, once.
#
# Seen with Node 20 (twelve tasks):
#
#     concurrent 2: at most 2 at a time; pushed while it was paused: 1; and one more afterwards: 2
#     concurrent 3: at most 3 at a time; pushed while it was paused: 3; and one more afterwards: 3
#     maxRetries 0, 1, 2, 3: tried 1, 1, 2, 3 times
#
# Succeeds while this is so. What to do instead: push something after `resume`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund better-queue@3.8.12
cat > try.mjs << 'JS'
import Queue from "better-queue"
import { setTimeout as sleep } from "node:timers/promises"

const most = async (concurrent, paused, late) => {
  let now = 0
  let most = 0
  let left = 12
  let done
  const over = new Promise((resolve) => done = resolve)
  const queue = new Queue(async (task, told) => {
    most = Math.max(most, ++now)
    await sleep(40)
    now--
    told(null)
    if (--left === 0) done()
  }, { concurrent })
  await sleep(50)
  if (paused) queue.pause()
  for (let id = late ? 2 : 1; id <= 12; id++) queue.push({ id })
  await sleep(100)
  if (paused) queue.resume()
  await sleep(60)
  if (late) queue.push({ id: "late" })
  await over
  return most
}
for (const concurrent of [2, 3]) {
  const [plain, paused, late] = [await most(concurrent), await most(concurrent, true), await most(concurrent, true, true)]
  const words = `at most ${plain} at a time; pushed while it was paused: ${paused}; and one more afterwards: ${late}`
  console.log(`concurrent ${concurrent}: ${words}`)
}
const tried = []
for (const maxRetries of [0, 1, 2, 3]) {
  let times = 0
  const fails = (task, told) => (times++, told("failed"))
  await new Promise((done) => new Queue(fails, { maxRetries }).push({ id: 1 }, done))
  tried.push(times)
}
console.log(`maxRetries 0, 1, 2, 3: tried ${tried.join(", ")} times`)
process.exit()
JS
expected="concurrent 2: at most 2 at a time; pushed while it was paused: 1; and one more afterwards: 2
concurrent 3: at most 3 at a time; pushed while it was paused: 3; and one more afterwards: 3
maxRetries 0, 1, 2, 3: tried 1, 1, 2, 3 times"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
