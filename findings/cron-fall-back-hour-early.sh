#!/usr/bin/env bash
# cron 4.4.0: a job at the hour at which clocks go back runs twice that day, once an hour early, where the expression does not match.
#
# When clocks go back in New York, 01:00 to 02:00 comes twice, and one is careful with jobs in that hour. 02:00 itself comes
# once, so one expects a job at 02:00 to run once, as every day. It runs at the second 01:00 as well. Where clocks go back at
# midnight (Beirut, Cairo, Santiago), that is the evening of the day before: what is to run on the 31st runs on the 30th too,
# and what is to run on Sundays runs on Saturday. Where they go forward by half an hour (Lord Howe Island), a job of every
# full hour runs at half past as well, before the gap and after it. croner 11.0.1 makes none of these runs.
#
# Seen with Node 20, on a clock that is moved by hand:
#
#     cron
#     0 2 * * * in America/New_York: 11-06 02:00, 11-07 01:00, 11-07 02:00, 11-08 02:00
#     0 0 31 * * in Asia/Beirut: 10-30 23:00, 10-31 00:00
#     0 0-5 * * * in Australia/Lord_Howe: 10-03 00:00, 10-03 01:00, 10-03 01:30, 10-03 02:30, 10-03 03:00, 10-03 04:00
#     croner
#     0 2 * * * in America/New_York: 11-06 02:00, 11-07 02:00, 11-08 02:00
#     0 0 31 * * in Asia/Beirut: 10-31 00:00
#     0 0-5 * * * in Australia/Lord_Howe: 10-03 00:00, 10-03 01:00, 10-03 03:00, 10-03 04:00
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cron@4.4.0 croner@11.0.1 @sinonjs/fake-timers@15.4.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { CronJob } from "cron"
import { Cron } from "croner"

const starts = {
  cron: (cronTime, timeZone, onTick) => CronJob.from({ cronTime, timeZone, onTick, start: true }),
  croner: (pattern, timezone, run) => new Cron(pattern, { timezone }, run)
}
const runs = (start, expression, timeZone, from, hours) => {
  const clock = FakeTimers.install({ now: new Date(from), toFake: ["Date", "setTimeout", "clearTimeout"] })
  const seen = []
  const job = start(expression, timeZone, () => seen.push(new Date().toLocaleString("sv", { timeZone }).slice(5, 16)))
  clock.tick(hours * 60 * 60 * 1000)
  job.stop()
  clock.uninstall()
  console.log(`${expression} in ${timeZone}: ${seen.join(", ")}`)
}
for (const [name, start] of Object.entries(starts)) {
  console.log(name)
  runs(start, "0 2 * * *", "America/New_York", "2027-11-06T04:00:00Z", 60)
  runs(start, "0 0 31 * *", "Asia/Beirut", "2027-10-29T12:00:00Z", 60)
  runs(start, "0 0-5 * * *", "Australia/Lord_Howe", "2027-10-02T13:00:00Z", 4.5)
}
JS
expected="cron
0 2 * * * in America/New_York: 11-06 02:00, 11-07 01:00, 11-07 02:00, 11-08 02:00
0 0 31 * * in Asia/Beirut: 10-30 23:00, 10-31 00:00
0 0-5 * * * in Australia/Lord_Howe: 10-03 00:00, 10-03 01:00, 10-03 01:30, 10-03 02:30, 10-03 03:00, 10-03 04:00
croner
0 2 * * * in America/New_York: 11-06 02:00, 11-07 02:00, 11-08 02:00
0 0 31 * * in Asia/Beirut: 10-31 00:00
0 0-5 * * * in Australia/Lord_Howe: 10-03 00:00, 10-03 01:00, 10-03 03:00, 10-03 04:00"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
