#!/usr/bin/env bash
# node-schedule 2.1.1: all runs that a busy program missed are made up for, one after the other without a pause.
#
# A job of every minute is to run about once a minute. When a program was busy over some of its times (or its machine slept),
# one expects what other schedulers do: one run afterwards, or none. Here each time that was missed gives a run of its own, as
# soon as the program is free and with the date of long ago, and jobs that are asynchronous are then all under way together.
# After eight hours of sleep a job of every minute runs 480 times.
#
# Seen with Node 20 (jobs of every second; the program is busy for 10 s, and then 8 more runs are waited for):
#
#     node-schedule: 8 runs in less than 5 s
#     croner: 8 runs in more than 5 s
#     cron: 8 runs in more than 5 s
#
# Succeeds while this is so. What to do instead: return from the job when the date that it is given is long past.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node-schedule@2.1.1 croner@11.0.1 cron@4.4.0
cat > try.mjs << 'JS'
import { CronJob } from "cron"
import { Cron } from "croner"
import schedule from "node-schedule"

const every = "* * * * * *"
const runs = { "node-schedule": [], croner: [], cron: [] }
const run = (name) => () => void runs[name].push(Date.now())
schedule.scheduleJob(every, run("node-schedule"))
new Cron(every, run("croner"))
CronJob.from({ cronTime: every, onTick: run("cron"), start: true })

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const alive = setInterval(() => {}, 1000)
while (Object.values(runs).some((times) => times.length === 0)) await sleep(10)
const free = Date.now() + 10_000
while (Date.now() < free);
for (const [name, times] of Object.entries(runs)) {
  const after = () => times.filter((time) => time >= free)
  while (after().length < 8) await sleep(10)
  console.log(`${name}: 8 runs in ${after()[7] - free < 5000 ? "less" : "more"} than 5 s`)
}
clearInterval(alive)
process.exit()
JS
expected="node-schedule: 8 runs in less than 5 s
croner: 8 runs in more than 5 s
cron: 8 runs in more than 5 s"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
