#!/usr/bin/env bash
# Python 3.11.2: a task that waits for a lock by `asyncio.wait_for`, and is cancelled as it gets it, is not cancelled, and goes on.
#
# `await asyncio.wait_for(lock.acquire(), 5)` is how one waits for a lock no longer than five seconds. Whoever cancels that task expects
# `CancelledError` in it, sooner or later: a task that is cancelled ends. But where the cancel comes within the same turn of the
# event loop in which the lock was given back, `wait_for` returns the lock and drops the cancel for good: the task
# does its work, and whoever cancelled it, at shutdown for example, waits for all of it, or for ever if it is a loop. `cancel()`
# said `True`. `asyncio.timeout()`, of the same version, hands the cancel on. (Python 3.12 builds `wait_for` on that.)
#
# Seen (the lock is released and the task cancelled, one statement after the other; then the task works for half a second):
#
#     asyncio.wait_for: cancel() is True; the task ended with: work done
#     asyncio.timeout: cancel() is True; the task ended with: CancelledError
#
# Succeeds while this is so. Needs Python 3.11 as /usr/bin/python3 (Debian 12). What to do instead: `async with asyncio.timeout(5)`.
set -euo pipefail
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "needs Python 3.11"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.py << 'PY'
import asyncio


async def wait_for(lock):
    await asyncio.wait_for(lock.acquire(), 5)


async def timeout(lock):
    async with asyncio.timeout(5):
        await lock.acquire()


async def seen(name, acquire):
    lock = asyncio.Lock()
    await lock.acquire()

    async def work():
        await acquire(lock)
        try:
            await asyncio.sleep(0.5)
            return "work done"
        finally:
            lock.release()

    task = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    lock.release()
    told = task.cancel()
    try:
        result = await task
    except asyncio.CancelledError:
        result = "CancelledError"
    print(f"asyncio.{name}: cancel() is {told}; the task ended with: {result}")


asyncio.run(seen("wait_for", wait_for))
asyncio.run(seen("timeout", timeout))
PY
expected="asyncio.wait_for: cancel() is True; the task ended with: work done
asyncio.timeout: cancel() is True; the task ended with: CancelledError"
seen=$(/usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
