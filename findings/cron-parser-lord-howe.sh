#!/usr/bin/env bash
# cron-parser 5.10.6: where clocks change by half an hour, "Invalid expression" is said of a valid one, for a day.
#
# The parser knows of summer time, and around the changes of New York or Berlin it always finds a next run. One expects no less
# of Lord Howe Island, whose clock goes back by half an hour: a time that is there twice may be given once or twice, but the
# job of every hour has a next run, and the one of 03:15 too. That day `next` throws for both. Whoever plans the next run from
# within the last one (as queues do that are built on it) stands still with an error that blames the expression, in which
# nobody finds anything wrong a day later. Where the clock goes forward by half an hour, `next` leaves out 02:30, which exists.
#
# Seen with Node 20 (times of the place):
#
#     0 * * * * in Australia/Lord_Howe, from 04-04 01:00 on: Invalid expression, loop limit exceeded
#     15 3 * * * in Australia/Lord_Howe, from 04-03 12:00 on: Invalid expression, loop limit exceeded
#     15 3 * * * in Australia/Lord_Howe, from 04-04 12:00 on: 04-05 03:15
#     30 * * * * in Australia/Lord_Howe, from 10-03 01:30 on: 10-03 03:30
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cron-parser@5.10.6
cat > try.mjs << 'JS'
import { CronExpressionParser } from "cron-parser"

const ask = (expression, tz, currentDate) => {
  const local = (date) => date.toLocaleString("sv", { timeZone: tz }).slice(5, 16)
  let seen
  try {
    seen = local(CronExpressionParser.parse(expression, { tz, currentDate }).next().toDate())
  } catch (error) {
    seen = error.message
  }
  console.log(`${expression} in ${tz}, from ${local(currentDate)} on: ${seen}`)
}
const island = "Australia/Lord_Howe"
ask("0 * * * *", island, new Date("2027-04-03T14:00:00Z"))
ask("15 3 * * *", island, new Date("2027-04-03T01:00:00Z"))
ask("15 3 * * *", island, new Date("2027-04-04T01:30:00Z"))
ask("30 * * * *", island, new Date("2027-10-02T15:00:00Z"))
JS
expected="0 * * * * in Australia/Lord_Howe, from 04-04 01:00 on: Invalid expression, loop limit exceeded
15 3 * * * in Australia/Lord_Howe, from 04-03 12:00 on: Invalid expression, loop limit exceeded
15 3 * * * in Australia/Lord_Howe, from 04-04 12:00 on: 04-05 03:15
30 * * * * in Australia/Lord_Howe, from 10-03 01:30 on: 10-03 03:30"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
