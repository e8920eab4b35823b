#!/usr/bin/env bash
# cron-parser 5.10.6: on the day of a clock change that is not the usual one, "Invalid expression" is said of a valid one.
#
# The parser knows of summer time, and around the changes of New York or Berlin it always finds a run. One expects no less of
# other places; a time may be skipped there or not, but there is a next one and there was one before. On Lord Howe Island,
# where the clock goes back by half an hour, a job of every hour or every day has no next run that day: `next` throws. Where
# it goes forward at midnight (Cairo, Beirut), a daily job of midnight has no run before: `prev` throws all day. Whoever plans
# the next run from within the last one, or looks for what was missed, stands still with an error that blames the expression,
# and finds nothing wrong with it a day later. `next` with half an hour forward leaves out 02:30, which exists.
#
# Seen with Node 20 (times of the place):
#
#     0 * * * * in Australia/Lord_Howe, from 04-04 01:00 on: Invalid expression, loop limit exceeded
#     15 3 * * * in Australia/Lord_Howe, from 04-03 12:00 on: Invalid expression, loop limit exceeded
#     15 3 * * * in Australia/Lord_Howe, from 04-04 12:00 on: 04-05 03:15
#     30 * * * * in Australia/Lord_Howe, from 10-03 01:30 on: 10-03 03:30
#     0 0 * * * in Africa/Cairo, before 04-30 12:00: Invalid expression, loop limit exceeded
#     0 0 * * * in Africa/Cairo, before 05-02 12:00: 05-02 00:00
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

const ask = (expression, tz, currentDate, which) => {
  const local = (date) => date.toLocaleString("sv", { timeZone: tz }).slice(5, 16)
  const words = which === "next" ? `from ${local(currentDate)} on` : `before ${local(currentDate)}`
  let seen
  try {
    seen = local(CronExpressionParser.parse(expression, { tz, currentDate })[which]().toDate())
  } catch (error) {
    seen = error.message
  }
  console.log(`${expression} in ${tz}, ${words}: ${seen}`)
}
const island = "Australia/Lord_Howe"
ask("0 * * * *", island, new Date("2027-04-03T14:00:00Z"), "next")
ask("15 3 * * *", island, new Date("2027-04-03T01:00:00Z"), "next")
ask("15 3 * * *", island, new Date("2027-04-04T01:30:00Z"), "next")
ask("30 * * * *", island, new Date("2027-10-02T15:00:00Z"), "next")
ask("0 0 * * *", "Africa/Cairo", new Date("2027-04-30T09:00:00Z"), "prev")
ask("0 0 * * *", "Africa/Cairo", new Date("2027-05-02T09:00:00Z"), "prev")
JS
expected="0 * * * * in Australia/Lord_Howe, from 04-04 01:00 on: Invalid expression, loop limit exceeded
15 3 * * * in Australia/Lord_Howe, from 04-03 12:00 on: Invalid expression, loop limit exceeded
15 3 * * * in Australia/Lord_Howe, from 04-04 12:00 on: 04-05 03:15
30 * * * * in Australia/Lord_Howe, from 10-03 01:30 on: 10-03 03:30
0 0 * * * in Africa/Cairo, before 04-30 12:00: Invalid expression, loop limit exceeded
0 0 * * * in Africa/Cairo, before 05-02 12:00: 05-02 00:00"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
