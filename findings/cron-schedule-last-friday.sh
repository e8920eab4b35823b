#!/usr/bin/env bash
# cron-schedule 6.0.0: "the last Friday" is every Friday, "the second Monday" every Monday, and "from the 5th each 10 days" the 5th.
#
# `5L`, `1#2`, `15W` and `5/10` are extensions that some know and others do not. A parser that does not know them says so, as those
# of cron and of Effect do, or knows them, as croner does. This one takes the number that a field begins with and ignores what
# comes after it, whatever it is: the schedule is accepted, runs, and runs on other days. An invoice of the last Friday goes out
# four times a month. A mistyped `1O` for 10 is the 1st.
#
# Seen with croner 11.0.1, cron 4.4.0, effect 4.1.0, Node 20 (the first four runs from 2027-02-01 on; "refused" is an error):
#
#     0 0 * * 5L
#       croner: 02-26 03-26 04-30 05-28
#       cron-schedule: 02-05 02-12 02-19 02-26
#       cron, effect: refused, refused
#     0 0 * * 1#2
#       croner: 02-08 03-08 04-12 05-10
#       cron-schedule: 02-08 02-15 02-22 03-01
#       cron, effect: refused, refused
#     0 0 15W * *
#       croner: 02-15 03-15 04-15 05-14
#       cron-schedule: 02-15 03-15 04-15 05-15
#       cron, effect: refused, refused
#     0 0 1O * *
#       croner: refused
#       cron-schedule: 03-01 04-01 05-01 06-01
#       cron, effect: refused, refused
#     0 0 5/10 * *
#       croner: refused
#       cron-schedule: 02-05 03-05 04-05 05-05
#       cron, effect: 02-05 02-15 02-25 03-05, 02-05 02-15 02-25 03-05
#
# Succeeds while this is so. What to do instead: refuse what has anything but digits, names, `*`, `,`, `-` and `*/` in it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cron-schedule@6.0.0 croner@11.0.1 cron@4.4.0 effect@4.1.0
cat > try.mjs << 'JS'
import { CronTime } from "cron"
import { parseCronExpression } from "cron-schedule"
import { Cron } from "croner"
import { Cron as EffectCron } from "effect"

process.env.TZ = "UTC"
const runs = (parse) => {
  let next
  try {
    next = parse()
  } catch {
    return "refused"
  }
  const days = []
  for (let date = new Date("2027-02-01T00:00:00Z"); days.length < 4;) {
    date = next(date)
    days.push(date.toISOString().slice(5, 10))
  }
  return days.join(" ")
}
for (const expression of ["0 0 * * 5L", "0 0 * * 1#2", "0 0 15W * *", "0 0 1O * *", "0 0 5/10 * *"]) {
  console.log(expression)
  const ofCroner = runs(() => {
    const cron = new Cron(expression, { timezone: "UTC" })
    return (date) => cron.nextRun(date)
  })
  console.log(`  croner: ${ofCroner}`)
  const ofCronSchedule = runs(() => {
    const cron = parseCronExpression(expression)
    return (date) => cron.getNextDate(date)
  })
  console.log(`  cron-schedule: ${ofCronSchedule}`)
  const ofCron = runs(() => {
    const time = new CronTime(expression, "UTC")
    return (date) => time.getNextDateFrom(date, "UTC").toJSDate()
  })
  const ofEffect = runs(() => {
    const cron = EffectCron.parseUnsafe(expression, "UTC")
    return (date) => EffectCron.next(cron, date)
  })
  console.log(`  cron, effect: ${ofCron}, ${ofEffect}`)
}
JS
expected="0 0 * * 5L
  croner: 02-26 03-26 04-30 05-28
  cron-schedule: 02-05 02-12 02-19 02-26
  cron, effect: refused, refused
0 0 * * 1#2
  croner: 02-08 03-08 04-12 05-10
  cron-schedule: 02-08 02-15 02-22 03-01
  cron, effect: refused, refused
0 0 15W * *
  croner: 02-15 03-15 04-15 05-14
  cron-schedule: 02-15 03-15 04-15 05-15
  cron, effect: refused, refused
0 0 1O * *
  croner: refused
  cron-schedule: 03-01 04-01 05-01 06-01
  cron, effect: refused, refused
0 0 5/10 * *
  croner: refused
  cron-schedule: 02-05 03-05 04-05 05-05
  cron, effect: 02-05 02-15 02-25 03-05, 02-05 02-15 02-25 03-05"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
