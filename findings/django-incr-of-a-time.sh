#!/usr/bin/env bash
# Django 3.2.25: in the cache of files, `incr` gives a key a new time to live, so a limit of an hour is one of five minutes, or never ends.
#
# A limit is often counted as `cache.add(key, 0, timeout=3600)` and `cache.incr(key)`: the count goes when the hour is over, however
# many there were. In the cache in memory, which one has while developing, `incr` leaves the time as it was, as memcached does. The
# caches of files and of the database have the `incr` of their base class, which reads, adds and sets anew: with the default time,
# five minutes from each call. A client that comes every four minutes is refused for ever; and of who comes every six minutes
# nothing is counted.
#
# Seen with Python 3.11 (a key for 1 s, `incr`, and after 1.2 s; then a key for 60 s where the cache's own time is 1 s):
#
#     in memory: a key for 1 s is gone; a key for 60 s is there
#     in files: a key for 1 s is there; a key for 60 s is gone
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: `touch(key, seconds)` after `incr`, or memcached.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-django=3:3.2.25-0+deb12u7 python3-asgiref python3-sqlparse python3-tz 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
import time

from django.conf import settings

backends = {"memory": "locmem.LocMemCache", "files": "filebased.FileBasedCache"}
settings.configure(
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
        **{
            f"{name} {timeout}": {
                "BACKEND": f"django.core.cache.backends.{backend}",
                "LOCATION": f"./{name}-{timeout}",
                "TIMEOUT": timeout,
            }
            for name, backend in backends.items()
            for timeout in [1, 300]
        },
    }
)
from django.core.cache import caches

for name in backends:
    short, long = caches[f"{name} 300"], caches[f"{name} 1"]
    short.add("hits", 0, timeout=1)
    long.add("hits", 0, timeout=60)
    short.incr("hits")
    long.incr("hits")
    time.sleep(1.2)
    state = lambda cache: "gone" if cache.get("hits") is None else "there"
    print(f"in {name}: a key for 1 s is {state(short)}; a key for 60 s is {state(long)}")
PY
expected="in memory: a key for 1 s is gone; a key for 60 s is there
in files: a key for 1 s is there; a key for 60 s is gone"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
