#!/usr/bin/env bash
# Python 3.11.2, aware datetimes: a lease of 30 minutes lasts for 90 when clocks go back, and Python says that it is 30.
#
# `expires = now + timedelta(minutes=30)` with `now = datetime.now(ZoneInfo("America/New_York"))` is an aware time: it knows its zone and its
# offset, which is what one is told to use. One expects half an hour. But sums, differences and comparisons of two times that share one
# `tzinfo` are made with what the clock on the wall shows, and the offset is left out of it: in the night in which clocks go back,
# 01:45 and half an hour is 02:15, an hour and a half later; an hour later `now >= expires` is still false, and so a lease
# that has expired is not given to the next one, and `now - began`, of a thing that took 75 minutes, is 15. In spring it is the reverse:
# a job that began at 01:50 and took 15 minutes took 75, so its holder is taken for dead. `timezone.utc`
# has no such hours, and different zones are compared by what they are.
#
# Seen:
#
#     clocks go back: 30 minutes after 01:45 are 90 minutes, and Python says 30
#     75 minutes later: expired: False, passed: 15 minutes
#     the same in UTC: expired: True, passed: 75 minutes
#     clocks go forward: 15 minutes after 01:50, passed: 75 minutes
#
# Succeeds while this is so. Needs Python 3.9 or newer with time zones as /usr/bin/python3. What to do instead: `datetime.now(timezone.utc)`.
set -euo pipefail
/usr/bin/python3 -c 'import zoneinfo; zoneinfo.ZoneInfo("America/New_York")' 2> /dev/null || { echo "needs Python with zoneinfo"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.py << 'PY'
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

zone = ZoneInfo("America/New_York")


def minutes(duration):
    return round(duration.total_seconds() / 60)


def here(*utc):  # what datetime.now(zone) gives at that moment
    return datetime(*utc, tzinfo=timezone.utc).astimezone(zone)


now = here(2026, 11, 1, 5, 45)
expires = now + timedelta(minutes=30)
real = expires.astimezone(timezone.utc) - now.astimezone(timezone.utc)
print(f"clocks go back: 30 minutes after {now:%H:%M} are {minutes(real)} minutes, and Python says {minutes(expires - now)}")
later = here(2026, 11, 1, 7, 0)
print(f"75 minutes later: expired: {later >= expires}, passed: {minutes(later - now)} minutes")

now, later = (it.astimezone(timezone.utc) for it in (now, later))
expires = now + timedelta(minutes=30)
print(f"the same in UTC: expired: {later >= expires}, passed: {minutes(later - now)} minutes")

began, ended = here(2026, 3, 8, 6, 50), here(2026, 3, 8, 7, 5)
print(f"clocks go forward: 15 minutes after {began:%H:%M}, passed: {minutes(ended - began)} minutes")
PY
expected="clocks go back: 30 minutes after 01:45 are 90 minutes, and Python says 30
75 minutes later: expired: False, passed: 15 minutes
the same in UTC: expired: True, passed: 75 minutes
clocks go forward: 15 minutes after 01:50, passed: 75 minutes"
seen=$(/usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
