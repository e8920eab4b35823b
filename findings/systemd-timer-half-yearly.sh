#!/usr/bin/env bash
# systemd 252: a timer of each April and October (`*-4/6-1`) has no next time after its October, where clocks are set back; in UTC it has.
#
# `OnCalendar=*-4/6-1` is "from April, each sixth month, on the 1st", which systemd-analyze shows as such: the next time is right
# when one writes the timer in spring, and the first two runs are. One expects the third in April. When no month of this year is left, the next
# year is tried from a date that has kept this summer's or winter's clock; set right, it is an hour before that year, all is done again, and after a
# while systemd gives up: "Infinite loop in calendar calculation". A timer that has run in October is not set again, and runs in no April,
# unless something reloads it after New Year. It is so wherever the last run of a year and the first of the next have no month between them
# for which it goes well: `*-1/5-1` as well; `*-04,10-1` and `*-1/6-1` are right, and so is each of them with `UTC` behind it.
#
# Seen (systemd-analyze calendar, from the day after each run):
#
#     *-4/6-1 in Europe/Berlin, from 2026-03-15: Wed 2026-04-01 00:00:00 CEST
#     *-4/6-1 in Europe/Berlin, from 2026-04-02: Thu 2026-10-01 00:00:00 CEST
#     *-4/6-1 in Europe/Berlin, from 2026-10-02: none
#     *-4/6-1 in America/New_York, from 2026-10-02: none
#     *-4/6-1 in UTC, from 2026-10-02: Thu 2027-04-01 00:00:00 UTC
#     *-04,10-1 in Europe/Berlin, from 2026-10-02: Thu 2027-04-01 00:00:00 CEST
#
# Succeeds while this is so. Needs Debian 12 and its systemd-analyze. What to do instead: name the months.
set -euo pipefail
[[ $(systemd-analyze --version 2> /dev/null | head -1) == "systemd 252 "* ]] || { echo "needs systemd 252 (Debian 12)"; exit 1; }

seen() {
  local time
  time=$(TZ=$2 systemd-analyze calendar --base-time="$3 12:00" "$1" 2> /dev/null | sed -n 's/^ *Next elapse: //p')
  echo "$1 in $2, from $3: ${time:-none}"
}
expected="*-4/6-1 in Europe/Berlin, from 2026-03-15: Wed 2026-04-01 00:00:00 CEST
*-4/6-1 in Europe/Berlin, from 2026-04-02: Thu 2026-10-01 00:00:00 CEST
*-4/6-1 in Europe/Berlin, from 2026-10-02: none
*-4/6-1 in America/New_York, from 2026-10-02: none
*-4/6-1 in UTC, from 2026-10-02: Thu 2027-04-01 00:00:00 UTC
*-04,10-1 in Europe/Berlin, from 2026-10-02: Thu 2027-04-01 00:00:00 CEST"
seen=$(
  for from in 2026-03-15 2026-04-02 2026-10-02; do seen "*-4/6-1" Europe/Berlin "$from"; done
  seen "*-4/6-1" America/New_York 2026-10-02
  seen "*-4/6-1" UTC 2026-10-02
  seen "*-04,10-1" Europe/Berlin 2026-10-02
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
