#!/usr/bin/env bash
# effect 4.1.0 and cron-schedule 6.0.0: when the clock is corrected by half a second, a job runs early, and once more on time.
#
# A job of midnight waits for up to a day, and in a day a clock is corrected: by NTP after a start or a sleep of the machine, by the host of a
# virtual one. Timers do not follow; so a scheduler that wakes looks whether it is time, and six of these do, waiting for
# the rest. The other two run the job, at 23:59:59.5, and then ask for the next midnight: that is in half a second. A report is
# sent twice, and the first one is of yesterday. In Effect that is `Schedule.cron` with `Effect.schedule` or `Effect.repeat`, and all
# that is made of it.
#
# Seen with Node 24 (a job of each fourth second; one second before it is due, the clock goes back by half a second):
#
#     effect: early, on time
#     cron-schedule: early, on time
#     croner: on time
#     cron: on time
#     cronosjs: on time
#     node-cron: on time
#     node-schedule: on time
#     toad-scheduler: on time
#
# Succeeds while this is so. What to do instead: sleep for the second in which it is woken early, or keep the date that was done last.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 cron-schedule@6.0.0 croner@11.0.1 cron@4.4.0 cronosjs@1.7.1 node-cron@4.6.0 \
  node-schedule@2.1.1 toad-scheduler@4.1.0
cat > try.mjs << 'JS'
// The wall clock of this process, which can be set as that of a machine is; timers go on as they do.
const Wall = Date
let shift = 0
globalThis.Date = class extends Wall {
  constructor(...given) {
    if (given.length === 0) super(Wall.now() + shift)
    else super(...given)
  }
  static now() {
    return Wall.now() + shift
  }
}
const { CronJob } = await import("cron")
const { parseCronExpression } = await import("cron-schedule")
const { TimerBasedCronScheduler } = await import("cron-schedule/schedulers/timer-based.js")
const { Cron } = await import("croner")
const { scheduleTask } = await import("cronosjs")
const { Effect, Schedule } = await import("effect")
const nodeCron = await import("node-cron")
const { default: nodeSchedule } = await import("node-schedule")
const { CronJob: ToadJob, Task, ToadScheduler } = await import("toad-scheduler")

const expression = "*/4 * * * * *"
const schedulers = {
  effect: (job) => Effect.runFork(Effect.schedule(Effect.sync(job), Schedule.cron(expression))),
  "cron-schedule": (job) => TimerBasedCronScheduler.setInterval(parseCronExpression(expression), job),
  croner: (job) => new Cron(expression, job),
  cron: (job) => CronJob.from({ cronTime: expression, onTick: job, start: true }),
  cronosjs: (job) => scheduleTask(expression, job),
  "node-cron": (job) => nodeCron.schedule(expression, job),
  "node-schedule": (job) => nodeSchedule.scheduleJob(expression, job),
  "toad-scheduler": (job) => new ToadScheduler().addCronJob(new ToadJob({ cronExpression: expression }, new Task("job", job)))
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
await sleep(6000 - Date.now() % 4000)
const seen = {}
for (const [name, schedule] of Object.entries(schedulers)) {
  seen[name] = []
  schedule(() => seen[name].push(Date.now() % 4000 > 2000 ? "early" : "on time"))
}
await sleep(1000)
shift = -500
await sleep(3000)
for (const [name, runs] of Object.entries(seen)) console.log(`${name}: ${runs.join(", ")}`)
process.exit()
JS
expected="effect: early, on time
cron-schedule: early, on time
croner: on time
cron: on time
cronosjs: on time
node-cron: on time
node-schedule: on time
toad-scheduler: on time"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
