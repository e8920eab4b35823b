#!/usr/bin/env bash
# node-schedule 2.1.1: a `reschedule` that fails stops the job, which goes on naming its next run.
#
# `job.reschedule(spec)` returns "true/false on success/failure", and one expects a job whose new time is refused (a date that
# has passed, because it came from a form or from another machine's clock) to keep the old one: what is not done is not done,
# and `nextInvocation()` says so, naming the next run as before. But the old runs have been cancelled by then, and only the list
# of them is put back. The job never runs again, and names a run that is past soon.
#
# Seen with Node 20 (a job of every second; its reschedule to a date that has passed returns false; four seconds later):
#
#     no reschedule: runs go on, the next one is to come
#     a reschedule that fails: no more runs, the next one was to come before now
#
# Succeeds while this is so. What to do instead: `job.schedule(old)` when `reschedule` returned false.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node-schedule@2.1.1
cat > try.mjs << 'JS'
import schedule from "node-schedule"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const alive = setInterval(() => {}, 1000)
for (const fails of [false, true]) {
  let runs = 0
  const job = schedule.scheduleJob("* * * * * *", () => runs++)
  while (runs === 0) await sleep(10)
  if (fails && job.reschedule(new Date(Date.now() - 60_000))) throw new Error("not refused")
  const before = runs
  await sleep(4000)
  console.log(
    `${fails ? "a reschedule that fails" : "no reschedule"}: ${runs > before ? "runs go on" : "no more runs"}, ` +
      `the next one ${job.nextInvocation().getTime() > Date.now() - 2000 ? "is to come" : "was to come before now"}`
  )
  job.cancel()
}
clearInterval(alive)
process.exit()
JS
expected="no reschedule: runs go on, the next one is to come
a reschedule that fails: no more runs, the next one was to come before now"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
