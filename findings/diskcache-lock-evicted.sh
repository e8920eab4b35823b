#!/usr/bin/env bash
# diskcache 5.4.0 (Python): a `Lock` that is held is evicted when its cache is full, first of all, and another one is let in.
#
# `diskcache.Lock(cache, "name")` excludes threads and processes that share a cache on disk. Without `expire` one expects it to be held
# until it is released. But it is an entry of the cache like any other, and when the cache has grown to its `size_limit` (1 GB), what
# was stored the longest time ago goes: the lock of whoever has been at work for long. `with lock:` tells nobody,
# and at its end it removes the lock of the one who came after.
#
# Seen with Python 3.11 (size_limit: 1 MB; a program holds a lock and stores values of 1 KB):
#
#     held before: True
#     another one after 2,000 values: let in
#     the lock after the first one has released it: free, though the second has it
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: a cache of its own for locks, with
# `eviction_policy="none"`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-diskcache=5.4.0-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > another.py << 'PY'
import threading

import diskcache

lock = diskcache.Lock(diskcache.Cache("cache"), "lock")
thread = threading.Thread(target=lock.acquire, daemon=True)
thread.start()
thread.join(1)
print("waits" if thread.is_alive() else "let in")
PY
cat > try.py << 'PY'
import subprocess
import sys

import diskcache

cache = diskcache.Cache("cache", size_limit=1_000_000)
lock = diskcache.Lock(cache, "lock")
lock.acquire()
print(f"held before: {lock.locked()}")
for number in range(2000):
    cache.set(number, b"x" * 1000)
another = subprocess.run([sys.executable, "another.py"], capture_output=True, text=True).stdout.strip()
print(f"another one after 2,000 values: {another}")
lock.release()
print(f"the lock after the first one has released it: {'held' if lock.locked() else 'free, though the second has it'}")
PY
expected="held before: True
another one after 2,000 values: let in
the lock after the first one has released it: free, though the second has it"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
