#!/usr/bin/env bash
# dogpile.cache 1.1.8 (Python): `region.invalidate()` is for this process only, and what it invalidated is good again after a restart.
#
# A region keeps its values in Redis, memcached or a file that all processes share. `region.delete(key)` deletes for all, and one expects
# `region.invalidate()`, "invalidate this region", to be the same for all keys, as with a new price list. But it writes nothing into the
# cache: this process remembers the time, and takes older values for missing. Others go on with them for as long as they are good, an hour
# here, and so does this one when it has started again; so with some workers behind a port, a page is new or old by chance.
#
# Seen with Python 3.11 (a file of dbm that processes share, `expiration_time` of an hour):
#
#     after invalidate(): here NO_VALUE, in another process old
#     after it has started again: old
#     after delete(key): in another process NO_VALUE
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: a part of each key that is the version of the region, kept
# in the cache itself; or a `RegionInvalidationStrategy` of one's own that does so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-dogpile.cache=1.1.8-2 python3-decorator python3-stevedore python3-pbr 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import subprocess
import sys

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

region = make_region().configure("dogpile.cache.dbm", expiration_time=3600, arguments={"filename": "cache.dbm"})


def get():
    value = region.get("prices")
    return "NO_VALUE" if value is NO_VALUE else value


def another():
    return subprocess.run([sys.executable, "try.py", "get"], capture_output=True, text=True).stdout.strip()


match sys.argv[1]:
    case "get":
        print(get())
    case "invalidate":
        region.set("prices", "old")
        region.invalidate()
        print(f"after invalidate(): here {get()}, in another process {another()}")
    case "again":
        print(f"after it has started again: {get()}")
        region.delete("prices")
        print(f"after delete(key): in another process {another()}")
PY
expected="after invalidate(): here NO_VALUE, in another process old
after it has started again: old
after delete(key): in another process NO_VALUE"
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
seen=$(for it in invalidate again; do /usr/bin/python3 try.py "$it"; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
