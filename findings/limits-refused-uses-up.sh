#!/usr/bin/env bash
# limits 2.8.0 (Python, the limiter of Flask-Limiter and slowapi), fixed window: a call that is refused for its cost uses up what is left for others.
#
# With a limit of ten a minute of which seven are used, `hit(limit, client, cost=5)` is refused, and one expects the three that are
# left to be left: the call was not made. With `MovingWindowRateLimiter` it is so. `FixedWindowRateLimiter`, which is the usual one,
# adds the cost first and compares then, and does not take it back: after one call that was too big for what was left, the smallest
# one is refused until the window ends. A batch that tries with 500, then 100, then 10 gets nothing.
#
# Seen with Python 3.11 (10 a minute; 7, then 5, then 1; MemoryStorage):
#
#     FixedWindowRateLimiter: True False False, left: 0
#     MovingWindowRateLimiter: True False True, left: 2
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: the moving window, or look at `get_window_stats` first.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-limits=2.8.0-1 python3-deprecated python3-packaging python3-typing-extensions python3-wrapt python3-pkg-resources 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

limit = parse("10/minute")
for strategy in [FixedWindowRateLimiter, MovingWindowRateLimiter]:
    limiter = strategy(MemoryStorage())
    answers = [limiter.hit(limit, "client", cost=cost) for cost in [7, 5, 1]]
    print(f"{strategy.__name__}:", *answers, end="")
    print(f", left: {limiter.get_window_stats(limit, 'client')[1]}")
PY
expected="FixedWindowRateLimiter: True False False, left: 0
MovingWindowRateLimiter: True False True, left: 2"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
