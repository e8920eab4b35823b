#!/usr/bin/env bash
# cron 4.4.0: the next ten dates of a yearly job are an error, and from a date nine years ahead "every minute" never happens.
#
# A search for the next date needs an end, for expressions that never match, and eight years from where it starts is a good one: the
# 29th of February is as rare as that. "No execution date was found in the next 8 years", says the error. But the eight years are
# counted from now, not from the date that was asked for. So the next dates of a yearly job are listed up to the eighth, and with
# nine there is no list but an error, which asks the user to report it; for a leap day it is so with three. And whoever asks from
# a date ahead (the term of a contract, a simulation, a test with dates of its own) is told that a job of every minute never runs.
#
# Seen with Node 20 (the system's clock is mocked, and says 2027-01-01):
#
#     0 0 1 1 *, next 8: 2028 2029 2030 2031 2032 2033 2034 2035
#     0 0 1 1 *, next 9: No execution date was found in the next 8 years.
#     0 0 29 2 *, next 2: 2028 2032
#     0 0 29 2 *, next 3: No execution date was found in the next 8 years.
#     * * * * * from 2034-12-31: 2034-12-31T00:01:00.000Z
#     * * * * * from 2036-01-01: No execution date was found in the next 8 years.
#
# Succeeds while this is so. What to do instead: croner, or cron-parser, for lists of dates.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cron@4.4.0 @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { CronTime } from "cron"

FakeTimers.install({ now: new Date("2027-01-01T00:00:00Z"), toFake: ["Date"] })
const says = (make) => {
  try {
    return make()
  } catch (error) {
    return error.message.match(/No execution date.*/)[0]
  }
}
const list = (expression, count) => {
  const years = says(() => new CronTime(expression, "UTC").sendAt(count).map((date) => date.year).join(" "))
  console.log(`${expression}, next ${count}: ${years}`)
}
list("0 0 1 1 *", 8)
list("0 0 1 1 *", 9)
list("0 0 29 2 *", 2)
list("0 0 29 2 *", 3)
for (const day of ["2034-12-31", "2036-01-01"]) {
  const from = new Date(`${day}T00:00:00Z`)
  const next = says(() => new CronTime("* * * * *", "UTC").getNextDateFrom(from, "UTC").toUTC().toISO())
  console.log(`* * * * * from ${day}: ${next}`)
}
JS
expected="0 0 1 1 *, next 8: 2028 2029 2030 2031 2032 2033 2034 2035
0 0 1 1 *, next 9: No execution date was found in the next 8 years.
0 0 29 2 *, next 2: 2028 2032
0 0 29 2 *, next 3: No execution date was found in the next 8 years.
* * * * * from 2034-12-31: 2034-12-31T00:01:00.000Z
* * * * * from 2036-01-01: No execution date was found in the next 8 years."
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
