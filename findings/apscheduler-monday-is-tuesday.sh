#!/usr/bin/env bash
# APScheduler 3.9.1 (Python): a crontab line for Monday runs on Tuesday, and one for Sunday on Monday.
#
# `CronTrigger.from_crontab("0 9 * * 1")` is made "from a standard crontab expression". In a crontab 0 (and 7) is Sunday and 1 is Monday. But
# the days are counted from Monday as 0, as Python counts them, and the expression is handed on as it is: the working days
# `1-5` are Tuesday to Saturday, 7 is refused as out of range, and the lines that one copies from a crontab are each a day late,
# without a word. Names (`mon`, `mon-fri`) are right.
#
# Seen with Python 3.11.2 (the days of a week):
#
#     0 9 * * 0: Monday
#     0 9 * * 1: Tuesday
#     0 9 * * 1-5: Tuesday Wednesday Thursday Friday Saturday
#     0 9 * * mon: Monday
#     0 9 * * 7: ValueError
#
# Succeeds while this is so. Needs Debian 12 and its Python (/usr/bin/python3). What to do instead: names.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-apscheduler=3.9.1-2 python3-tzlocal=4.2-1 python3-pytz-deprecation-shim=0.1.0.post0-3 python3-tz=2022.7.1-4 python3-six=1.16.0-4 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
from datetime import datetime, timedelta, timezone

from apscheduler.triggers.cron import CronTrigger

sunday = datetime(2026, 11, 29, tzinfo=timezone.utc)


def seen(expression):
    try:
        trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    except ValueError:
        return "ValueError"
    days = []
    now = sunday
    while (now := trigger.get_next_fire_time(None, now)) < sunday + timedelta(days=7):
        days.append(now.strftime("%A"))
        now += timedelta(seconds=1)
    return " ".join(days)


for it in ["0", "1", "1-5", "mon", "7"]:
    print(f"0 9 * * {it}: {seen(f'0 9 * * {it}')}")
PY
expected="0 9 * * 0: Monday
0 9 * * 1: Tuesday
0 9 * * 1-5: Tuesday Wednesday Thursday Friday Saturday
0 9 * * mon: Monday
0 9 * * 7: ValueError"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" TZ=UTC /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
