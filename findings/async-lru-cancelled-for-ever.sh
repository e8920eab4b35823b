#!/usr/bin/env bash
# async_lru 1.0.3 (Python): a load that was cancelled is cached, and cancels everybody who asks for it from then on.
#
# `@alru_cache(cache_exceptions=False)` caches what a coroutine returns, and not its failures: the next call tries again. Callers may be
# cancelled, as the load is shielded from them. But if the load itself awaits something that is cancelled, a connection that is
# closed, a shared task, it ends as cancelled, and that is kept: it counts as no exception. Each later call raises
# `CancelledError` at once, without a load; tasks take that for their own cancellation and end without a word, and so it stays
# until the entry is evicted or the process ends.
#
# Seen with Python 3.11 (a load awaits a task that is cancelled; then three callers, when all is well again):
#
#     the load fails: then: value value value
#     the load is cancelled: then: CancelledError CancelledError CancelledError
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: turn a cancellation into an error within the
# load, or `invalidate` the key.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-async-lru=1.0.3-5 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
import asyncio

from async_lru import alru_cache


async def attempt(call):
    try:
        return await call
    except (ConnectionError, asyncio.CancelledError) as error:
        return type(error).__name__


async def go(name, end):
    connection = asyncio.get_running_loop().create_future()

    @alru_cache(cache_exceptions=False)
    async def load():
        return await connection

    first = asyncio.ensure_future(attempt(load()))
    await asyncio.sleep(0.01)
    end(connection)
    await first
    connection = asyncio.get_running_loop().create_future()
    connection.set_result("value")
    print(f"{name}: then:", *[await attempt(load()) for _ in range(3)])


async def main():
    await go("the load fails", lambda connection: connection.set_exception(ConnectionError("lost")))
    await go("the load is cancelled", lambda connection: connection.cancel())


asyncio.run(main())
PY
expected="the load fails: then: value value value
the load is cancelled: then: CancelledError CancelledError CancelledError"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
