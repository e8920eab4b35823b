#!/usr/bin/env bash
# croniter 1.3.5 (Python) with a zone of `zoneinfo`: on the day on which clocks change, what is due at 05:00 is due an hour off.
#
# `croniter("0 5 * * *", start)` gives the next times in the zone of `start`, and one expects 05:00 by the clock of that zone, each
# day. With a zone of pytz it is so in what is shown here. With one of `zoneinfo`, which is in Python itself, the first time after a
# change is an hour off, and the expression does not match it: on the day on which clocks go back it is 06:00, and of "every three
# hours" 02:00 is given in the place of 03:00 when they go forward, which is an hour that there is not. The next one is right again,
# so it is seen on two days of a year.
#
# Seen with Python 3.11 (Berlin, 2026):
#
#     zoneinfo, 0 5 * * * from 24 Oct 12:00: 25 Oct 06:00, 26 Oct 05:00, 27 Oct 05:00
#     pytz, 0 5 * * * from 24 Oct 12:00: 25 Oct 05:00, 26 Oct 05:00, 27 Oct 05:00
#     zoneinfo, 0 */3 * * * from 28 Mar 22:00: 29 Mar 00:00, 29 Mar 02:00, 29 Mar 06:00
#     pytz, 0 */3 * * * from 28 Mar 22:00: 29 Mar 00:00, 29 Mar 03:00, 29 Mar 06:00
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: reckon in UTC.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-croniter=1.3.5-3 python3-dateutil python3-tz python3-six 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
from datetime import datetime
from zoneinfo import ZoneInfo

import pytz
from croniter import croniter

for expression, start in [("0 5 * * *", datetime(2026, 10, 24, 12)), ("0 */3 * * *", datetime(2026, 3, 28, 22))]:
    for name, base in [
        ("zoneinfo", start.replace(tzinfo=ZoneInfo("Europe/Berlin"))),
        ("pytz", pytz.timezone("Europe/Berlin").localize(start)),
    ]:
        times = croniter(expression, base)
        told = ", ".join(times.get_next(datetime).strftime("%-d %b %H:%M") for _ in range(3))
        print(f"{name}, {expression} from {start:%-d %b %H:%M}: {told}")
PY
expected="zoneinfo, 0 5 * * * from 24 Oct 12:00: 25 Oct 06:00, 26 Oct 05:00, 27 Oct 05:00
pytz, 0 5 * * * from 24 Oct 12:00: 25 Oct 05:00, 26 Oct 05:00, 27 Oct 05:00
zoneinfo, 0 */3 * * * from 28 Mar 22:00: 29 Mar 00:00, 29 Mar 02:00, 29 Mar 06:00
pytz, 0 */3 * * * from 28 Mar 22:00: 29 Mar 00:00, 29 Mar 03:00, 29 Mar 06:00"
seen=$(/usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
