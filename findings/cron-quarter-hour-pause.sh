#!/usr/bin/env bash
# effect 4.1.0 and cron-schedule 6.0.0: what is to run every 15 minutes does not run for an hour and a quarter when clocks go back.
#
# When clocks go back, 02:00 to 03:00 comes twice, and a job of half past two is rightly run once. One knows that this is done by
# leaving one of the two hours out. For a job of every 15 minutes there is nothing that would be done twice, and one expects it to
# go on, as in Vixie's cron, croner, cron and cron-parser. Here that hour is left out for it as well: what renews, polls, bills
# or watches by such a schedule pauses for 75 minutes, one night a year, so that a lease of an hour that it renews is over.
#
# Seen with Node 20 (`*/15 * * * *` in Berlin, on 25 October 2026; times in UTC):
#
#     effect: 00:30 00:45 02:00 02:15 02:30
#     cron-schedule: 00:30 00:45 02:00 02:15 02:30
#     croner: 00:30 00:45 01:00 01:15 01:30
#     cron: 00:30 00:45 01:00 01:15 01:30
#     cron-parser: 00:30 00:45 01:00 01:15 01:30
#     effect, with onDstOverlap "both": 00:30 00:45 01:00 01:15 01:30
#
# Succeeds while this is so. What to do instead: a schedule that is often due in UTC, or an interval (`Schedule.fixed`).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 cron-schedule@6.0.0 croner@11.0.1 cron@4.4.0 cron-parser@5.10.6
cat > try.mjs << 'JS'
import { CronTime } from "cron"
import { CronExpressionParser } from "cron-parser"
import { parseCronExpression } from "cron-schedule"
import { Cron as Croner } from "croner"
import { Cron } from "effect"

const [expression, zone] = ["*/15 * * * *", "Europe/Berlin"]
process.env.TZ = zone // cron-schedule has no other
const look = (name, next) => {
  let time = new Date("2026-10-25T00:20:00Z")
  const times = []
  for (let i = 0; i < 5; i++) {
    time = next(time)
    times.push(time.toISOString().slice(11, 16))
  }
  console.log(`${name}: ${times.join(" ")}`)
}
const earlier = Cron.parseUnsafe(expression, zone)
look("effect", (time) => Cron.next(earlier, time))
look("cron-schedule", (time) => parseCronExpression(expression).getNextDate(time))
const croner = new Croner(expression, { timezone: zone, paused: true })
look("croner", (time) => croner.nextRun(time))
const cron = new CronTime(`0 ${expression}`, zone)
look("cron", (time) => cron.getNextDateFrom(time, zone).toJSDate())
look("cron-parser", (time) => CronExpressionParser.parse(expression, { tz: zone, currentDate: time }).next().toDate())
const both = Cron.parseUnsafe(expression, zone, { onDstOverlap: "both" })
look(`effect, with onDstOverlap "both"`, (time) => Cron.next(both, time))
JS
expected="effect: 00:30 00:45 02:00 02:15 02:30
cron-schedule: 00:30 00:45 02:00 02:15 02:30
croner: 00:30 00:45 01:00 01:15 01:30
cron: 00:30 00:45 01:00 01:15 01:30
cron-parser: 00:30 00:45 01:00 01:15 01:30
effect, with onDstOverlap \"both\": 00:30 00:45 01:00 01:15 01:30"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
