#!/usr/bin/env bash
# @sapphire/cron 1.2.1: Sunday as 7 is never, and "the 1st or a Monday" is a Monday that is a 1st.
#
# Of weekdays, 0 and 7 are Sunday, as in Vixie's cron, and a day of the month and a weekday together mean either of them. One knows
# parsers that differ by refusing; this one takes both. With `5-7`, Friday to Sunday, it leaves out the Sundays. And
# `0 0 1 * 1` is due two or three times a year, instead of more than sixty: that what rotates keys, bills or cleans up by it does
# not do so is found out after months.
#
# Seen with Node 20 (the next times after 6 March 2026, a Friday, as days):
#
#     0 9 * * 5-7: Sat 7 March, Fri 13 March, Sat 14 March
#     croner: Sat 7 March, Sun 8 March, Fri 13 March
#     0 0 1 * 1: Mon 1 June, Mon 1 February, Mon 1 March
#     croner: Mon 9 March, Mon 16 March, Mon 23 March
#
# Succeeds while this is so. What to do instead: 0 for Sunday, and two jobs for "either".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @sapphire/cron@1.2.1 croner@11.0.1
cat > try.mjs << 'JS'
import { Cron } from "@sapphire/cron"
import { Cron as Croner } from "croner"

const words = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "long" })
const look = (name, next) => {
  let time = new Date("2026-03-06T12:00:00Z")
  const days = []
  for (let i = 0; i < 3; i++) {
    time = next(time)
    days.push(words.format(time).replace(",", ""))
  }
  console.log(`${name}: ${days.join(", ")}`)
}
for (const expression of ["0 9 * * 5-7", "0 0 1 * 1"]) {
  look(expression, (time) => new Cron(expression).next(time))
  const croner = new Croner(expression, { timezone: "UTC", paused: true })
  look("croner", (time) => croner.nextRun(time))
}
JS
expected="0 9 * * 5-7: Sat 7 March, Fri 13 March, Sat 14 March
croner: Sat 7 March, Sun 8 March, Fri 13 March
0 0 1 * 1: Mon 1 June, Mon 1 February, Mon 1 March
croner: Mon 9 March, Mon 16 March, Mon 23 March"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
