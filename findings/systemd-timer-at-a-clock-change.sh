#!/usr/bin/env bash
# systemd 252: a weekly timer at 02:30 on Sundays does not run in the week in which clocks go forward, nor a daily one in Havana that day.
#
# cron of the same Debian makes up for the hour that does not exist, within that night, and one expects as much of `OnCalendar=`, which
# is to take its place; `Persistent=true` is for runs that were missed. For systemd nothing was missed. An hour that does not
# exist is no time of the timer: "daily" has no midnight in zones where clocks go forward at midnight, and "every
# Sunday at 02:30" has no such Sunday. In autumn, "hourly" and "every half hour" skip the second of the two equal hours, so that
# there are two hours between two runs of an hourly timer.
#
# Seen (systemd-analyze calendar; Europe/Berlin changes on 2026-03-29 and 2026-10-25, America/Havana on 2026-03-08):
#
#     Europe/Berlin, *-*-* 02:30 from 2026-03-28: Mon 2026-03-30 02:30:00 CEST, Tue 2026-03-31 02:30:00 CEST
#     Europe/Berlin, Sun 02:30 from 2026-03-28: Sun 2026-04-05 02:30:00 CEST, Sun 2026-04-12 02:30:00 CEST
#     America/Havana, daily from 2026-03-07: Mon 2026-03-09 00:00:00 CDT, Tue 2026-03-10 00:00:00 CDT
#     Europe/Berlin, hourly from 2026-10-25 01:30: Sun 2026-10-25 02:00:00 CEST, Sun 2026-10-25 03:00:00 CET
#
# Succeeds while this is so. Needs Debian 12 and its systemd-analyze. What to do instead: `OnCalendar=... UTC`, or hours that exist.
set -euo pipefail
[[ $(systemd-analyze --version 2> /dev/null | head -1) == "systemd 252 "* ]] || { echo "needs systemd 252 (Debian 12)"; exit 1; }

seen() {
  local times
  times=$(TZ=$1 systemd-analyze calendar --base-time="$3" --iterations=2 "$2" | sed -En 's/^ *(Next elapse|Iter\. #2): //p')
  echo "$1, $2 from ${3% 12:00}: ${times/$'\n'/, }"
}
expected="Europe/Berlin, *-*-* 02:30 from 2026-03-28: Mon 2026-03-30 02:30:00 CEST, Tue 2026-03-31 02:30:00 CEST
Europe/Berlin, Sun 02:30 from 2026-03-28: Sun 2026-04-05 02:30:00 CEST, Sun 2026-04-12 02:30:00 CEST
America/Havana, daily from 2026-03-07: Mon 2026-03-09 00:00:00 CDT, Tue 2026-03-10 00:00:00 CDT
Europe/Berlin, hourly from 2026-10-25 01:30: Sun 2026-10-25 02:00:00 CEST, Sun 2026-10-25 03:00:00 CET"
seen=$(
  seen Europe/Berlin "*-*-* 02:30" "2026-03-28 12:00"
  seen Europe/Berlin "Sun 02:30" "2026-03-28 12:00"
  seen America/Havana daily "2026-03-07 12:00"
  seen Europe/Berlin hourly "2026-10-25 01:30"
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
