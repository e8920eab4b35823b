#!/usr/bin/env bash
# circuitbreaker 1.4.0, retry 0.9.2, retrying 1.3.3 and cachetools 5.2.0 (Python): around an `async def` they do nothing, or harm.
#
# `@circuit`, `@retry(tries=3)` and `@cached(...)` are put before a function, and the function is then tried again, kept from a
# server that is down, or called once. Put before an `async def` they are accepted, and the program runs; one expects them to do
# what they do, or to refuse. But what such a function returns is a coroutine, at once and always without an error: the breaker
# counts a success for each call that fails, and never opens; nothing is tried again; and what is cached is the coroutine, which
# gives its value to the first caller and an error to each one after.
#
# Seen with Python 3.11 (an async function that always fails; for the cache one that returns 1):
#
#     circuit(failure_threshold=2): of 10 calls 10 came through, the last one failed with ConnectionError
#     retry(tries=3): called 1 times
#     retrying(stop_max_attempt_number=3): called 1 times
#     cached, the first: 1, the second: RuntimeError: cannot reuse already awaited coroutine
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: tenacity, backoff and async_lru know coroutines.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-circuitbreaker=1.4.0-1 python3-retry=0.9.2-2 python3-retrying=1.3.3-4 python3-cachetools=5.2.0-1 python3-decorator \
  python3-six python3-py 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
import asyncio

from cachetools import TTLCache, cached
from circuitbreaker import circuit
from retry import retry
from retrying import retry as retrying


async def attempt(call):
    try:
        return await call()
    except Exception as error:
        return error


def failing(decorator):
    calls = []

    @decorator
    async def call():
        calls.append(1)
        raise ConnectionError("down")

    return call, calls


async def main():
    call, calls = failing(circuit(failure_threshold=2))
    for _ in range(10):
        last = await attempt(call)
    print(
        f"circuit(failure_threshold=2): of 10 calls {len(calls)} came through, the last one failed with {type(last).__name__}"
    )
    for name, decorator in [
        ("retry(tries=3)", retry(tries=3)),
        ("retrying(stop_max_attempt_number=3)", retrying(stop_max_attempt_number=3)),
    ]:
        call, calls = failing(decorator)
        await attempt(call)
        print(f"{name}: called {len(calls)} times")

    @cached(TTLCache(maxsize=10, ttl=60))
    async def load():
        return 1

    first, second = await attempt(load), await attempt(load)
    print(f"cached, the first: {first}, the second: {type(second).__name__}: {second}")


asyncio.run(main())
PY
expected="circuit(failure_threshold=2): of 10 calls 10 came through, the last one failed with ConnectionError
retry(tries=3): called 1 times
retrying(stop_max_attempt_number=3): called 1 times
cached, the first: 1, the second: RuntimeError: cannot reuse already awaited coroutine"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
