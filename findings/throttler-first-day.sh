#!/usr/bin/env bash
# throttler 1.2.2 (Python): with a quota of a day, nobody is let in until the machine has been up for a day.
#
# `async with Throttler(rate_limit=1000, period=86400)` lets a thousand through in a day. One expects the first thousand to be let in at once. But
# before there were any calls, it takes them for made at 0 of the monotonic clock, which on Linux is the moment of the machine's start. With
# a period of a second nobody sees it; with a period that is longer than the machine is up, the first caller waits until it is as old as
# that, and all others with it. After an update of the kernel, a service with a quota of a day stands still till tomorrow.
#
# Seen with Python 3.11 (the first caller of each waits for a second at most):
#
#     100 per second: let in
#     100 per half the time that the machine is up: let in
#     100 per twice the time that the machine is up: not let in
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: periods of minutes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-throttler=1.2.2-2 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import asyncio
import time

from throttler import Throttler


async def seen(name, period):
    async def call():
        async with Throttler(rate_limit=100, period=period):
            return "let in"

    try:
        result = await asyncio.wait_for(call(), 1)
    except asyncio.TimeoutError:
        result = "not let in"
    print(f"100 per {name}: {result}")


async def main():
    await seen("second", 1)
    await seen("half the time that the machine is up", time.monotonic() / 2)
    await seen("twice the time that the machine is up", time.monotonic() * 2)


asyncio.run(main())
PY
expected="100 per second: let in
100 per half the time that the machine is up: let in
100 per twice the time that the machine is up: not let in"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
