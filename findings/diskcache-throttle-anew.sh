#!/usr/bin/env bash
# diskcache 5.4.0 (Python), `throttle`: a limit that processes share begins anew with each process that starts, and with `expire` ends in an error.
#
# `@diskcache.throttle(cache, count=2, seconds=60)` keeps its count in a cache on disk, so that all processes are limited together:
# two calls a minute, whoever makes them. One expects a process that starts to find what the others have used. But the decorator
# writes a full count when it is applied, which is when the module is imported: each worker that starts, and each run of a command
# from a crontab, gives two more calls to itself and to all others. With `expire`, so that counts that nobody uses go away, the
# first call after that time does not find a count and fails.
#
# Seen with Python 3.11 (two calls a minute; three processes, one after the other, each makes two):
#
#     calls within a few seconds: 6
#     with expire=0.2, a call after a pause: TypeError: cannot unpack non-iterable NoneType object
#
# Succeeds while this is so. Needs Debian 12 and its Python.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-diskcache=5.4.0-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > worker.py << 'PY'
import diskcache


@diskcache.throttle(diskcache.Cache("cache"), 2, 60, name="call")
def call():
    print("call", flush=True)


call()
call()
PY
cat > try.py << 'PY'
import subprocess
import sys
import time

import diskcache

run = [sys.executable, "worker.py"]
calls = sum(subprocess.run(run, capture_output=True, text=True, timeout=20).stdout.count("call") for _ in range(3))
print(f"calls within a few seconds: {calls}")


@diskcache.throttle(diskcache.Cache("other"), 2, 1, expire=0.2)
def call():
    pass


call()
time.sleep(0.5)
try:
    call()
    print("with expire=0.2, a call after a pause: fine")
except TypeError as error:
    print(f"with expire=0.2, a call after a pause: TypeError: {error}")
PY
expected="calls within a few seconds: 6
with expire=0.2, a call after a pause: TypeError: cannot unpack non-iterable NoneType object"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
