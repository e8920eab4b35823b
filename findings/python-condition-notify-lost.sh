#!/usr/bin/env bash
# Python 3.11.2: `notify()` of an `asyncio.Condition` that meets a task that is being cancelled wakes nobody, and the next one waits for ever.
#
# `notify()` wakes one of those who wait, to take what has come (an item, a free connection). If that one is cancelled before it has
# woken, by a time limit as a rule, one expects another one to be woken in its place: `asyncio.Semaphore` hands on what was given to one
# who is cancelled, and so does `asyncio.Queue`. A condition does not: the one who was chosen ends with `CancelledError`, the notification
# with it, and the others sleep beside what they wait for, until somebody notifies again. A queue that is built
# on a condition stops that way, once in a while, with work in it and workers free. (Python 3.13 hands it on.)
#
# Seen (two wait; one is notified, and the first is cancelled in the same turn):
#
#     Condition: the second is asleep
#     Semaphore: the second is awake
#     Queue: the second is awake
#
# Succeeds while this is so. Needs Python 3.11 as /usr/bin/python3 (Debian 12). What to do instead: `notify_all()`, or a semaphore.
set -euo pipefail
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "needs Python 3.11"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.py << 'PY'
import asyncio


async def seen(name, wait, wake):
    first = asyncio.create_task(wait())
    second = asyncio.create_task(wait())
    await asyncio.sleep(0.05)
    await wake()
    first.cancel()
    await asyncio.wait([second], timeout=1)
    print(f"{name}: the second is {'awake' if second.done() else 'asleep'}")
    second.cancel()


async def main():
    condition = asyncio.Condition()
    semaphore = asyncio.Semaphore(0)
    queue = asyncio.Queue()

    async def wait():
        async with condition:
            await condition.wait()

    async def notify():
        async with condition:
            condition.notify()

    async def release():
        semaphore.release()

    await seen("Condition", wait, notify)
    await seen("Semaphore", semaphore.acquire, release)
    await seen("Queue", queue.get, lambda: queue.put("item"))


asyncio.run(main())
PY
expected="Condition: the second is asleep
Semaphore: the second is awake
Queue: the second is awake"
seen=$(/usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
