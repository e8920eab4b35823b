#!/usr/bin/env bash
# ratelimiter 1.2.0 (Python): after a pause, however long, the next call waits for a whole period, and calls at the same time are not limited.
#
# `RateLimiter(max_calls=5, period=2)` lets five calls through in any 2 s. One expects the sixth to wait if the five are less than 2 s ago. But
# what it waits for is the period less the time between the first and the last of the five, and not the time since: five calls at once,
# and then nothing for an hour, and the next one waits for 2 s, or for a day, with a quota of a day. It is so after each burst. And a
# call is counted when it ends: of threads that come together, or while others are at work, all are let in.
#
# Seen with Python 3.11 (5 calls per 2 s; a call takes no time, except where it is said):
#
#     5 calls at once: 0 s
#     the 6th, 3 s later: after 2 s
#     20 threads at once, a call takes 0.5 s: all within 0.5 s
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: limits, or a count that is made before the call.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-ratelimiter=1.2.0.post0-4 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import threading
import time

from ratelimiter import RateLimiter


def waited(limiter):
    begun = time.monotonic()
    with limiter:
        return time.monotonic() - begun


limiter = RateLimiter(max_calls=5, period=2)
print(f"5 calls at once: {sum(waited(limiter) for _ in range(5)):.0f} s")
time.sleep(3)
print(f"the 6th, 3 s later: after {waited(limiter):.0f} s")

limiter = RateLimiter(max_calls=5, period=2)
waits = []


def call():
    begun = time.monotonic()
    with limiter:
        waits.append(time.monotonic() - begun)
        time.sleep(0.5)


threads = [threading.Thread(target=call) for _ in range(20)]
for it in threads:
    it.start()
for it in threads:
    it.join()
print(f"20 threads at once, a call takes 0.5 s: {'all' if max(waits) < 0.5 else 'not all'} within 0.5 s")
PY
expected="5 calls at once: 0 s
the 6th, 3 s later: after 2 s
20 threads at once, a call takes 0.5 s: all within 0.5 s"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
