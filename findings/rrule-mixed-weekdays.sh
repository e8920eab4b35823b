#!/usr/bin/env bash
# rrule 2.8.1: a rule for "all Sundays and the last Saturday" of a month never happens.
#
# In iCalendar's rules, BYDAY lists days, each with or without a number, and what matches any of them is meant: `SU,-1SA` are
# all Sundays and the last Saturday. One expects a list to grow with each entry, as it does where all have a number or none
# has. But the two kinds are conditions of their own here, and both must hold. So `SU,-1SA` has no occurrence in all time, and
# `FR,1FR` has the first Friday, not each of them. No error is raised; a schedule that is empty, and a job that never runs.
#
# Seen with Node 20 (days of June 2027):
#
#     SU: 6 13 20 27
#     -1SA: 26
#     1MO,-1SA: 7 26
#     SU,-1SA: 
#     FR,1FR: 4
#     SU,-1SA with rrule-temporal 2.2.8: 6 13 20 26 27
#
# Succeeds while this is so. What to do instead: a rule each, in an `RRuleSet`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rrule@2.8.1 rrule-temporal@2.2.8
cat > try.mjs << 'JS'
import rrule from "rrule"
import { RRuleTemporal } from "rrule-temporal"

const [from, to] = [new Date("2027-06-01T00:00:00Z"), new Date("2027-07-01T00:00:00Z")]
const rule = (days) => `DTSTART:20270601T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=${days}`
for (const days of ["SU", "-1SA", "1MO,-1SA", "SU,-1SA", "FR,1FR"]) {
  const seen = rrule.rrulestr(rule(days)).between(from, to)
  console.log(`${days}: ${seen.map((date) => date.getUTCDate()).join(" ")}`)
}
const seen = new RRuleTemporal({ rruleString: rule("SU,-1SA") }).between(from, to)
console.log(`SU,-1SA with rrule-temporal 2.2.8: ${seen.map((date) => date.day).join(" ")}`)
JS
expected="SU: 6 13 20 27
-1SA: 26
1MO,-1SA: 7 26
SU,-1SA: 
FR,1FR: 4
SU,-1SA with rrule-temporal 2.2.8: 6 13 20 26 27"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
