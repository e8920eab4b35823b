#!/usr/bin/env bash
# node-cron 4.6.0 and toad-scheduler 4.1.0: stopping and starting a schedule makes a job run beside itself that must not.
#
# `noOverlap` and `preventOverrun` skip a tick while the job is still at work. A schedule that is stopped lets the run that is
# under way go on, of course. One expects the guard to see that run when the schedule is started again, as in croner 11.0.1
# and cron 4.4.0. In node-cron it begins anew with each start, and the next tick starts the job beside itself. In
# toad-scheduler ticks are guarded as before, but with `runImmediately` the first run after a start is not. That happens
# wherever a schedule is stopped and started, for a setting that was changed, or as leadership is lost and won again.
#
# Seen with Node 20 (a job of 3 s each second, stopped and started while it runs; the most that ran at once):
#
#     node-cron: 2
#     toad-scheduler: 2
#     croner: 1
#     cron: 1
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund croner@11.0.1 node-cron@4.6.0 cron@4.4.0 toad-scheduler@4.1.0
cat > try.mjs << 'JS'
import { CronJob } from "cron"
import { Cron } from "croner"
import nodeCron from "node-cron"
import { AsyncTask, SimpleIntervalJob, ToadScheduler } from "toad-scheduler"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const most = async (name, schedule, restart) => {
  let running = 0, most = 0, began
  const begun = new Promise((resolve) => began = resolve)
  const job = schedule(async () => {
    most = Math.max(most, ++running)
    began()
    await sleep(3000)
    running--
  })
  await begun
  await sleep(100)
  restart(job)
  await sleep(2000)
  job.stop()
  console.log(`${name}: ${most}`)
}
const everySecond = "* * * * * *"
const stopAndStart = (job) => {
  job.stop()
  job.start()
}
await most("node-cron", (run) => nodeCron.schedule(everySecond, run, { noOverlap: true }), stopAndStart)
await most(
  "toad-scheduler",
  (run) => {
    const scheduler = new ToadScheduler()
    const options = { id: "id", preventOverrun: true }
    scheduler.addSimpleIntervalJob(new SimpleIntervalJob({ seconds: 1, runImmediately: true }, new AsyncTask("task", run), options))
    return scheduler
  },
  (scheduler) => {
    scheduler.stopById("id")
    scheduler.startById("id")
  }
)
await most("croner", (run) => new Cron(everySecond, { protect: true }, run), (job) => {
  job.pause()
  job.resume()
})
await most(
  "cron",
  (onTick) => CronJob.from({ cronTime: everySecond, onTick, waitForCompletion: true, start: true }),
  stopAndStart
)
process.exit()
JS
expected="node-cron: 2
toad-scheduler: 2
croner: 1
cron: 1"
seen=$(node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
