#!/usr/bin/env bash
# bottleneck 2.19.5: a `Group` takes a limiter that is at work for an idle one, and lets a second job in beside the first.
#
# A group keeps a limiter for each key, and "limiters that have been idle for longer than 5 minutes are deleted" (`timeout`).
# With `maxConcurrent: 1` one expects one job at a time for a key, however long it takes: a limiter with a job running, or
# with jobs that wait for it, is not idle. But the time is counted from when the last job was let in, and neither those that
# run nor those that wait are looked at. Who asks for the key after that gets another limiter, with nobody in it. The first
# one goes on with its own queue. So what takes longer than five minutes is not alone, just when it is slow.
#
# Seen with Node 20 (`timeout` is 400 ms; three jobs of 1,500 ms, two at once and one after 1,200 ms):
#
#     a limiter by itself: 1 at a time
#     a group: 2 at a time, on the same limiter: false
#
# Succeeds while this is so. What to do instead: a `timeout` longer than all that may be queued for a key takes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bottleneck@2.19.5
cat > try.mjs << 'JS'
import Bottleneck from "bottleneck"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const mostAtOnce = async (limiter) => {
  let running = 0
  let most = 0
  const job = async () => {
    most = Math.max(most, ++running)
    await sleep(1500)
    running--
  }
  const jobs = [limiter().schedule(job), limiter().schedule(job)]
  await sleep(1200)
  jobs.push(limiter().schedule(job))
  await Promise.all(jobs)
  return most
}

const alone = new Bottleneck({ maxConcurrent: 1 })
console.log(`a limiter by itself: ${await mostAtOnce(() => alone)} at a time`)

const group = new Bottleneck.Group({ maxConcurrent: 1, timeout: 400 })
const first = group.key("invoice")
const most = await mostAtOnce(() => group.key("invoice"))
console.log(`a group: ${most} at a time, on the same limiter: ${first === group.key("invoice")}`)
process.exit()
JS
expected="a limiter by itself: 1 at a time
a group: 2 at a time, on the same limiter: false"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
