#!/usr/bin/env bash
# croner 11.0.1: a job that was paused runs half a minute after it is resumed, at an hour that is none of its hours.
#
# `pause()` and `resume()` are there to keep a job from running for a while, and one expects it to run at its next time after
# that, which is what `nextRun()` says. If it has run before, it runs within 30 seconds of `resume()`, for the time it missed,
# whatever the hour: a job of every night, paused during a maintenance, runs in the middle of the day. If it has not run yet
# since the program started, it does wait for its time. `pause()` is thus no way to leave a run out.
#
# Seen with Node 20, on a clock that is moved by hand (a job at 03:00, paused on the 6th from 02:00 to 12:00):
#
#     that ran before: next run at 07T03:00:00; runs at 05T03:00:00, 06T12:00:30, 07T03:00:00
#     that did not: next run at 07T03:00:00; runs at 07T03:00:00
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund croner@11.0.1
cat > try.mjs << 'JS'
import { mock } from "node:test"

mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse("2026-01-05T00:00:00Z") })
const { Cron } = await import("croner")
const short = (date) => date.toISOString().slice(8, 19)
const until = async (time) => {
  while (Date.now() < Date.parse(time)) {
    mock.timers.tick(1000)
    await null
  }
}
const start = (name) => {
  const runs = []
  return { name, runs, job: new Cron("0 3 * * *", { timezone: "UTC" }, () => void runs.push(short(new Date()))) }
}
const jobs = [start("that ran before")]
await until("2026-01-05T12:00:00Z")
jobs.push(start("that did not"))
await until("2026-01-06T02:00:00Z")
for (const { job } of jobs) job.pause()
await until("2026-01-06T12:00:00Z")
for (const each of jobs) {
  each.job.resume()
  each.next = short(each.job.nextRun())
}
await until("2026-01-07T12:00:00Z")
for (const { name, next, runs } of jobs) console.log(`${name}: next run at ${next}; runs at ${runs.join(", ")}`)
process.exit()
JS
expected="that ran before: next run at 07T03:00:00; runs at 05T03:00:00, 06T12:00:30, 07T03:00:00
that did not: next run at 07T03:00:00; runs at 07T03:00:00"
seen=$(node --no-warnings try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
