#!/usr/bin/env bash
# croner 11.0.1 and node-cron 4.6.0: a job that must not overlap does, when it is started by hand.
#
# `protect: true` ("overrun protection") and `noOverlap: true` are there so that a job never runs beside itself, and the job
# relies on it, without a lock of its own. All three libraries let one run the job now, say from an admin page, beside the
# schedule. One expects such a run to be refused as well while the job is at work, as cron 4.4.0 does. In the two others the
# guard is in the ticking only: `trigger()` and `execute()` go past it, though ticks do heed a run that was started by hand.
#
# Seen with Node 20 (a job of 2.5 s, run once more by hand while it runs; the most that ran at once):
#
#     croner, trigger: 2
#     node-cron, execute: 2
#     cron, fireOnTick: 1
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund croner@11.0.1 node-cron@4.6.0 cron@4.4.0
cat > try.mjs << 'JS'
import { CronJob } from "cron"
import { Cron } from "croner"
import nodeCron from "node-cron"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const most = async (name, schedule, again) => {
  let running = 0, most = 0, began
  const begun = new Promise((resolve) => began = resolve)
  const job = schedule(async () => {
    most = Math.max(most, ++running)
    began()
    await sleep(2500)
    running--
  })
  await begun
  again(job)
  await sleep(500)
  job.stop()
  console.log(`${name}: ${most}`)
}
const everySecond = "* * * * * *"
await most("croner, trigger", (run) => new Cron(everySecond, { protect: true }, run), (job) => job.trigger())
await most(
  "node-cron, execute",
  (run) => nodeCron.schedule(everySecond, run, { noOverlap: true }),
  (job) => job.execute()
)
await most(
  "cron, fireOnTick",
  (onTick) => CronJob.from({ cronTime: everySecond, onTick, waitForCompletion: true, start: true }),
  (job) => job.fireOnTick()
)
process.exit()
JS
expected="croner, trigger: 2
node-cron, execute: 2
cron, fireOnTick: 1"
seen=$(node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
