#!/usr/bin/env bash
# systemd-cron 1.15.19 (Debian 12's other `cron`): what is to run in December runs in November, and what is to run from Friday to Sunday, daily.
#
# It is a package in the place of cron that makes a timer of systemd of each line of a crontab, so one expects lines to mean what they
# mean to cron. Its list of the months' names lacks October: `oct` is refused, `nov` is October, `dec` is November. A range of weekdays
# that ends on a Sunday as 7 (or `sun`) is "garbled", which it says in the kernel's log at boot, and the weekday is then left out: the
# job of the weekend runs on each day. And "the 13th or a Friday", as cron has it, is a Friday that is a 13th.
# Numbers of months, ranges that end on Saturday, and `sat,sun` are right.
#
# Seen (what the generator makes of a line, asked of it without systemd):
#
#     0 4 1 12 *: *-12-1 4:0:00
#     0 4 1 dec *: *-11-1 4:0:00
#     0 4 1 nov *: *-10-1 4:0:00
#     0 4 1 oct *: nothing
#     0 4 * * sat,sun: Sun,Sat *-*-* 4:0:00
#     0 4 * * 5-7: *-*-* 4:0:00
#     0 4 * * fri-sun: *-*-* 4:0:00
#     0 4 13 * 5: Fri *-*-13 4:0:00
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: numbers of months, lists of days, or timers of one's own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq systemd-cron=1.15.19-5 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
mkdir out timers
cat > try.py << 'PY'
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

loader = SourceFileLoader("generator", "packages/lib/systemd/system-generators/systemd-crontab-generator")
generator = module_from_spec(spec_from_loader("generator", loader))
sys.argv = ["generator", "out"]
loader.exec_module(generator)
generator.TARGET_DIR, generator.TIMERS_DIR = "out", "timers"
lines = ["0 4 1 12 *", "0 4 1 dec *", "0 4 1 nov *", "0 4 1 oct *", "0 4 * * sat,sun", "0 4 * * 5-7", "0 4 * * fri-sun", "0 4 13 * 5"]
for line in lines:
    with open("crontab", "w") as file:
        file.write(f"{line} root /bin/true\n")
    (job,) = generator.parse_crontab("crontab", withuser=True)
    name = generator.generate_timer_unit(job, seq=generator.count())
    timer = [it for it in open(f"out/{name}") if it.startswith("OnCalendar=")] if name else ["=nothing"]
    print(f"{line}: {timer[0].split('=')[1].strip()}")
PY
expected="0 4 1 12 *: *-12-1 4:0:00
0 4 1 dec *: *-11-1 4:0:00
0 4 1 nov *: *-10-1 4:0:00
0 4 1 oct *: nothing
0 4 * * sat,sun: Sun,Sat *-*-* 4:0:00
0 4 * * 5-7: *-*-* 4:0:00
0 4 * * fri-sun: *-*-* 4:0:00
0 4 13 * 5: Fri *-*-13 4:0:00"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
