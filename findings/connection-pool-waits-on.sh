#!/usr/bin/env bash
# connection-pool 0.0.3 (Python): who waits for a connection is not told when one is closed, and waits on beside a pool with room.
#
# A pool with `max_size=1`; connections are closed after so many uses (`max_usage`) or so much time (`ttl`), so that none gets old. One expects
# a thread that waits to be given a new one when the old one is closed, as its place is free. But those who wait are told of
# connections that come back, and a closed one does not: the thread sleeps on. Whoever comes then gets a new connection at once, and when
# that one comes back, and is good for another use, the one who waited is told at last; with `max_usage=1`, never.
#
# Seen with Python 3.11 (max_size=1; one thread has the connection, another one waits for it, and then the first gives it back):
#
#     no limit of use: the one who waits has it within 1 s: yes
#     max_usage=1: the one who waits has one within 1 s: no; a third one, at once: yes; the one who waits, 1 s after that one gave it back: no
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: a pool that one's database has (psycopg_pool, SQLAlchemy).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-connection-pool=0.0.3-2 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import os
import threading
import time

from connection_pool import ConnectionPool


def yes(it):
    return "yes" if it else "no"


def start(**options):
    pool = ConnectionPool(create=lambda: object(), max_size=1, **options)
    has = threading.Event()

    def wait():
        with pool.item():
            has.set()

    held = pool.item()
    threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.2)
    pool.release(held)
    return pool, has


_, has = start()
print(f"no limit of use: the one who waits has it within 1 s: {yes(has.wait(1))}")
pool, has = start(max_usage=1)
print(f"max_usage=1: the one who waits has one within 1 s: {yes(has.wait(1))}", end="; ")
begun = time.monotonic()
with pool.item():
    print(f"a third one, at once: {yes(time.monotonic() - begun < 0.2)}", end="; ")
print(f"the one who waits, 1 s after that one gave it back: {yes(has.wait(1))}", flush=True)
os._exit(0)
PY
expected="no limit of use: the one who waits has it within 1 s: yes
max_usage=1: the one who waits has one within 1 s: no; a third one, at once: yes; the one who waits, 1 s after that one gave it back: no"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" timeout 30 /usr/bin/python3 -W ignore try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
