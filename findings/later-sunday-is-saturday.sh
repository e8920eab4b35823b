#!/usr/bin/env bash
# @breejs/later 4.2.0 and cronosjs 1.7.1: Sunday as 7 is a Saturday, Friday to Monday is Saturdays, and 0-7, each day, is Sundays.
#
# In a crontab 0 and 7 are both Sunday, a range may end with 7, and Vixie's and all that came after it agree. A parser that does not
# allow 7, or a range that goes over the end, says so. That of later, by which bree schedules its jobs, turns 7 into Saturday
# without a word: the weekend of `6-7` is a Saturday, and a backup of Sunday is made a day early. A range over the end is an empty
# list for it, and an empty list is Saturday again. cronosjs gets all these right, and makes one day of `0-7`.
#
# Seen with croner 11.0.1, Node 20 (the days of one week):
#
#     0 0 * * 7: croner Sun, cronosjs Sun, later Sat
#     0 0 * * 6-7: croner Sat Sun, cronosjs Sat Sun, later Sat
#     0 0 * * 0-7: croner Mon Tue Wed Thu Fri Sat Sun, cronosjs Sun, later Mon Tue Wed Thu Fri Sat Sun
#     0 0 * * FRI-MON: croner refused, cronosjs Mon Fri Sat Sun, later Sat
#
# Succeeds while this is so. What to do instead: names (`SUN`), and a list in place of a range over the end.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @breejs/later@4.2.0 cronosjs@1.7.1 croner@11.0.1
cat > try.mjs << 'JS'
import later from "@breejs/later"
import { CronosExpression } from "cronosjs"
import { Cron } from "croner"

later.date.UTC()
const parsers = {
  croner: (expression) => {
    const cron = new Cron(expression, { timezone: "UTC" })
    return (date) => cron.nextRun(date)
  },
  cronosjs: (expression) => {
    const cron = CronosExpression.parse(expression, { timezone: "UTC" })
    return (date) => cron.nextDate(date)
  },
  later: (expression) => {
    const schedule = later.schedule(later.parse.cron(expression))
    return (date) => schedule.next(1, new Date(date.getTime() + 1000))
  }
}
const runs = (parse, expression) => {
  let next
  try {
    next = parse(expression)
  } catch {
    return "refused"
  }
  // From a Monday to the next.
  const end = new Date("2027-02-08T00:00:00Z")
  const seen = []
  for (let date = next(new Date("2027-01-31T23:59:00Z")); date < end; date = next(date)) seen.push(date.toUTCString().slice(0, 3))
  return seen.join(" ")
}
for (const expression of ["0 0 * * 7", "0 0 * * 6-7", "0 0 * * 0-7", "0 0 * * FRI-MON"]) {
  const seen = Object.entries(parsers).map(([name, parse]) => `${name} ${runs(parse, expression)}`)
  console.log(`${expression}: ${seen.join(", ")}`)
}
JS
expected="0 0 * * 7: croner Sun, cronosjs Sun, later Sat
0 0 * * 6-7: croner Sat Sun, cronosjs Sat Sun, later Sat
0 0 * * 0-7: croner Mon Tue Wed Thu Fri Sat Sun, cronosjs Sun, later Mon Tue Wed Thu Fri Sat Sun
0 0 * * FRI-MON: croner refused, cronosjs Mon Fri Sat Sun, later Sat"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
