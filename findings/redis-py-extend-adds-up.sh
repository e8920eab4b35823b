#!/usr/bin/env bash
# redis-py 4.3.4 (Python): a lock of 10 s that is renewed by `extend(10)` stays the longer the more often it was renewed, and outlives its holder.
#
# The time of a lock is how long others have to wait for one who died, and `lock.extend(10)`, called every few seconds, is how a holder says
# that it is alive. One expects 10 s from then, as with `extend` of redlock and of others, and as with `reacquire()`. But the time is added to
# what is left: each renewal that comes early makes the lock longer by the difference. After an hour of renewing 10 s each 5 s
# the lock is good for an hour more, whatever becomes of its holder. (`extend(10, replace_ttl=True)` sets it.)
#
# Seen with redis-server 7.0.15 (a lock of 10 s, and ten renewals, one each 0.1 s):
#
#     extend(10): 109 s are left
#     extend(10, replace_ttl=True): 10 s are left
#     reacquire(): 10 s are left
#
# Succeeds while this is so. Needs Debian 12, its Python (/usr/bin/python3) and redis-server.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-redis=4.3.4-3 python3-packaging=23.0-1 python3-deprecated=1.2.13-3 python3-wrapt python3-async-timeout=4.0.2-1 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.py << 'PY'
import math
import sys
import time

from redis import Redis

redis = Redis(port=int(sys.argv[1]))


def seen(name, renew):
    lock = redis.lock(name, timeout=10)
    lock.acquire()
    for _ in range(10):
        time.sleep(0.1)
        renew(lock)
    left = redis.pttl(name) / 1000
    # a slow machine loses some time between the renewals
    print(f"{name}: {109 if 100 < left <= 109 else 10 if 9 < left <= 10 else left} s are left")


seen("extend(10)", lambda lock: lock.extend(10))
seen("extend(10, replace_ttl=True)", lambda lock: lock.extend(10, replace_ttl=True))
seen("reacquire()", lambda lock: lock.reacquire())
PY
expected="extend(10): 109 s are left
extend(10, replace_ttl=True): 10 s are left
reacquire(): 10 s are left"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
