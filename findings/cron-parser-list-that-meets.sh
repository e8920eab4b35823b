#!/usr/bin/env bash
# cron-parser 5.10.6: "every 10 and every 15 minutes" is refused, and so is any list of which two parts have a value in common.
#
# A list in cron is a union: `*/10,*/15` runs at 0, 10, 15, 20, 30 and so on, 0 being in both parts, and `0,7` is a way to say Sunday
# that works in every crontab. Version 4 takes them, and all others do. Version 5 says "Validation error, duplicate values found",
# also without its strict mode; its README tells of what strict mode refuses, and not of this. A schedule that was stored years ago
# fails when the library is updated, or the queue that is built on it, and one that is put together of parts (shifts, opening
# hours) fails when two of them touch. A range over 0 and 7 is taken, though.
#
# Seen with cron-parser 4.9.0, croner 11.0.1, cron 4.4.0, effect 4.1.0, Node 20 (the first run in February 2027):
#
#     */10,*/15 * * * *: others 01T00:10, cron-parser duplicate values found: 0
#     0 9-17,12-20 * * *: others 01T09:00, cron-parser duplicate values found: 12
#     0 0 1-15,15-31 * *: others 02T00:00, cron-parser duplicate values found: 15
#     0 0 * * 0,7: others 07T00:00, cron-parser duplicate values found: 0
#     0 0 * * MON-FRI,FRI: others 02T00:00, cron-parser duplicate values found: 5
#     0 0 * * 0-7: others 02T00:00, cron-parser 02T00:00
#
# Succeeds while this is so. What to do instead: write each value once (`0,10,15,20,30,40,45,50`).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cron-parser@5.10.6 cron-parser4@npm:cron-parser@4.9.0 croner@11.0.1 cron@4.4.0 effect@4.1.0
cat > try.mjs << 'JS'
import { CronTime } from "cron"
import { CronExpressionParser } from "cron-parser"
import four from "cron-parser4"
import { Cron } from "croner"
import { Cron as EffectCron } from "effect"

const from = new Date("2027-02-01T00:00:00Z")
const tz = "UTC"
const options = { currentDate: from, tz }
const others = [
  (expression) => four.parseExpression(expression, options).next().toDate(),
  (expression) => new Cron(expression, { timezone: tz }).nextRun(from),
  (expression) => new CronTime(expression, tz).getNextDateFrom(from, tz).toJSDate(),
  (expression) => EffectCron.next(EffectCron.parseUnsafe(expression, tz), from)
]
const says = (next, expression) => {
  try {
    return next(expression).toISOString().slice(8, 16)
  } catch (error) {
    return error.message.match(/duplicate.*/)[0]
  }
}
const expressions = [
  "*/10,*/15 * * * *",
  "0 9-17,12-20 * * *",
  "0 0 1-15,15-31 * *",
  "0 0 * * 0,7",
  "0 0 * * MON-FRI,FRI",
  "0 0 * * 0-7"
]
for (const expression of expressions) {
  const seen = [...new Set(others.map((next) => says(next, expression)))].join(" or ")
  const parser = says((it) => CronExpressionParser.parse(it, options).next().toDate(), expression)
  console.log(`${expression}: others ${seen}, cron-parser ${parser}`)
}
JS
expected="*/10,*/15 * * * *: others 01T00:10, cron-parser duplicate values found: 0
0 9-17,12-20 * * *: others 01T09:00, cron-parser duplicate values found: 12
0 0 1-15,15-31 * *: others 02T00:00, cron-parser duplicate values found: 15
0 0 * * 0,7: others 07T00:00, cron-parser duplicate values found: 0
0 0 * * MON-FRI,FRI: others 02T00:00, cron-parser duplicate values found: 5
0 0 * * 0-7: others 02T00:00, cron-parser 02T00:00"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
