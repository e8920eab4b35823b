#!/usr/bin/env bash
# tenacity 8.2.1 (Python): a call that is cancelled, by a time limit too, is tried again, and the limit is never heard of.
#
# "Try again unless it is a ValueError" is `retry_if_not_exception_type(ValueError)`. One expects that to be about errors; and asyncio
# made `CancelledError` a `BaseException` so that nobody who catches errors catches it by chance. But tenacity catches everything that is
# raised, and "not a ValueError" is true of `CancelledError` as well, and of `KeyboardInterrupt`. A task that is cancelled begins its
# work once more instead, and is then done as if nothing had been; `async with asyncio.timeout(0.1)` around it neither
# ends it nor says that the time was over. So a lock's holder that is told to stop goes on, and Ctrl-C starts the work anew.
# `retry_if_exception_type()`, the default, lets both through, though it differs by a word.
#
# Seen with Python 3.11.2 (the work takes 0.3 s):
#
#     default, limit of 0.1 s: TimeoutError, begun 1 times
#     not_exception_type, limit of 0.1 s: done, begun 2 times
#     not_exception_type, cancelled: done, begun 2 times
#     not_exception_type, Ctrl-C: done, begun 2 times
#
# Succeeds while this is so. Needs Debian 12 and its Python (/usr/bin/python3). What to do instead: name what is to be tried again, or
# `retry_if_exception(lambda error: isinstance(error, Exception) and not isinstance(error, ValueError))`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-tenacity=8.2.1-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import asyncio
import signal

from tenacity import retry, retry_if_exception_type, retry_if_not_exception_type, stop_after_attempt

begun = 0


async def work():
    global begun
    begun += 1
    await asyncio.sleep(0.3)
    return "done"


def interrupted():
    global begun
    begun += 1
    if begun == 1:
        signal.raise_signal(signal.SIGINT)
    return "done"


async def limited(call):
    async with asyncio.timeout(0.1):
        return await call()


async def cancelled(call):
    task = asyncio.create_task(call())
    await asyncio.sleep(0.1)
    task.cancel()
    return await task


def seen(name, call):
    global begun
    begun = 0
    try:
        result = call()
    except BaseException as error:
        result = type(error).__name__
    print(f"{name}: {result}, begun {begun} times")


default = retry(retry=retry_if_exception_type(), stop=stop_after_attempt(5))
unless = retry(retry=retry_if_not_exception_type(ValueError), stop=stop_after_attempt(5))
seen("default, limit of 0.1 s", lambda: asyncio.run(limited(default(work))))
seen("not_exception_type, limit of 0.1 s", lambda: asyncio.run(limited(unless(work))))
seen("not_exception_type, cancelled", lambda: asyncio.run(cancelled(unless(work))))
seen("not_exception_type, Ctrl-C", unless(interrupted))
PY
expected="default, limit of 0.1 s: TimeoutError, begun 1 times
not_exception_type, limit of 0.1 s: done, begun 2 times
not_exception_type, cancelled: done, begun 2 times
not_exception_type, Ctrl-C: done, begun 2 times"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
