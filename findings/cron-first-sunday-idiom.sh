#!/usr/bin/env bash
# croner 11.0.1 and four other parsers of cron: what is the first Sunday of a month in a crontab is ten days of it.
#
# When both day fields are restricted, a day that either of them names is a day of the job: that one knows, and all parsers do so.
# By crontab(5) a field is restricted when it does not begin with `*`, so that `*/2` is not, and then both must match. Hence the old
# idiom for the first Sunday of a month, `0 0 1-7 * */7`, which has been in crontabs for decades. These five take every `*/n` for a
# restriction. Moved from a crontab to one of them, the monthly job runs on each of the first seven days, and on all Sundays, and
# nobody refuses anything. Those of Effect and @breejs/later take it as cron does (later, always: also for `1-7 * 0`).
#
# Seen with croner 11.0.1, cron-parser 5.10.6, cron 4.4.0, cron-schedule 6.0.0, cronosjs 1.7.1, effect 4.1.0, @breejs/later 4.2.0,
# Node 20 (the days of March 2027, the first of whose Sundays is the 7th):
#
#     0 0 1-7 * */7
#       croner: 1 2 3 4 5 6 7 14 21 28
#       cron-parser: 1 2 3 4 5 6 7 14 21 28
#       cron: 1 2 3 4 5 6 7 14 21 28
#       cron-schedule: 1 2 3 4 5 6 7 14 21 28
#       cronosjs: 1 2 3 4 5 6 7 14 21 28
#       effect: 7
#       later: 7
#     0 0 */10 * 1
#       croner: 1 8 11 15 21 22 29 31
#       cron-parser: 1 8 11 15 21 22 29 31
#       cron: 1 8 11 15 21 22 29 31
#       cron-schedule: 1 8 11 15 21 22 29 31
#       cronosjs: 1 8 11 15 21 22 29 31
#       effect: 1
#       later: 1
#
# Succeeds while this is so. What to do instead: `0 0 * * 0#1` where it is known (croner, cron-parser, cronosjs), or a look at the
# date within the job.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund croner@11.0.1 cron-parser@5.10.6 cron@4.4.0 cron-schedule@6.0.0 \
  cronosjs@1.7.1 effect@4.1.0 @breejs/later@4.2.0
cat > try.mjs << 'JS'
import later from "@breejs/later"
import { CronTime } from "cron"
import { CronExpressionParser } from "cron-parser"
import { parseCronExpression } from "cron-schedule"
import { Cron } from "croner"
import { CronosExpression } from "cronosjs"
import { Cron as EffectCron } from "effect"

process.env.TZ = "UTC"
later.date.UTC()
const tz = "UTC"
const parsers = {
  "croner": (expression) => {
    const cron = new Cron(expression, { timezone: tz })
    return (date) => cron.nextRun(date)
  },
  "cron-parser": (expression) => (currentDate) => CronExpressionParser.parse(expression, { currentDate, tz }).next().toDate(),
  "cron": (expression) => {
    const time = new CronTime(expression, tz)
    return (date) => time.getNextDateFrom(date, tz).toJSDate()
  },
  "cron-schedule": (expression) => {
    const cron = parseCronExpression(expression)
    return (date) => cron.getNextDate(date)
  },
  "cronosjs": (expression) => {
    const cron = CronosExpression.parse(expression, { timezone: tz })
    return (date) => cron.nextDate(date)
  },
  "effect": (expression) => {
    const cron = EffectCron.parseUnsafe(expression, tz)
    return (date) => EffectCron.next(cron, date)
  },
  "later": (expression) => {
    const schedule = later.schedule(later.parse.cron(expression))
    return (date) => schedule.next(1, new Date(date.getTime() + 1000))
  }
}
for (const expression of ["0 0 1-7 * */7", "0 0 */10 * 1"]) {
  console.log(expression)
  for (const [name, parse] of Object.entries(parsers)) {
    const next = parse(expression)
    const days = []
    const end = new Date("2027-04-01T00:00:00Z")
    for (let date = next(new Date("2027-02-28T23:59:00Z")); date < end; date = next(date)) days.push(date.getUTCDate())
    console.log(`  ${name}: ${days.join(" ")}`)
  }
}
JS
expected="0 0 1-7 * */7
  croner: 1 2 3 4 5 6 7 14 21 28
  cron-parser: 1 2 3 4 5 6 7 14 21 28
  cron: 1 2 3 4 5 6 7 14 21 28
  cron-schedule: 1 2 3 4 5 6 7 14 21 28
  cronosjs: 1 2 3 4 5 6 7 14 21 28
  effect: 7
  later: 7
0 0 */10 * 1
  croner: 1 8 11 15 21 22 29 31
  cron-parser: 1 8 11 15 21 22 29 31
  cron: 1 8 11 15 21 22 29 31
  cron-schedule: 1 8 11 15 21 22 29 31
  cronosjs: 1 8 11 15 21 22 29 31
  effect: 1
  later: 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
