#!/usr/bin/env bash
# kazoo 2.8.0 (Python), `MultiNonBlockingLease`: a host that renews its lease may have two of them afterwards, and keeps another host out.
#
# `zk.MultiNonBlockingLease(2, path, duration)` is for work that two hosts may do at a time; a host that asks again before its lease
# is over renews it. One expects a host to have one of the two places, and a free one to be given to the next host that asks. But
# whoever asks tries the places from the first on, and takes the first that is free or its own. When the host with the first place
# is gone, the one with the second, as it renews, takes the first, and its old place stays taken in its name until that time is
# over: both places are its own, and a third host is refused. It is so each time a host falls out, for the length of a lease.
#
# Seen with Python 3.11 and ZooKeeper 3.8.0 (leases of an hour; the clock is the one that is given to the leases):
#
#     12:00: a asks: True
#     12:30: b asks: True
#     12:45: c asks: False
#     13:10, a is gone: b renews: True, c asks: False
#     who has the places: b, b
#
# Succeeds while this is so. Needs Debian 12 and zookeeper. What to do instead: a `NonBlockingLease` for each place, and the host
# that has one asks for that.
set -euo pipefail
jar=/usr/share/java/zookeeper.jar
[[ -f $jar ]] && command -v java > /dev/null || { echo "needs zookeeper (Debian's) and java"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-kazoo=2.8.0-2 python3-six 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf "%s\n" "dataDir=$folder/data" "clientPort=$port" "clientPortAddress=127.0.0.1" "admin.enableServer=false" > conf
java -Xmx128m -cp "$jar" org.apache.zookeeper.server.quorum.QuorumPeerMain conf > log 2>&1 &
server=$!
cat > try.py << 'PY'
import json
import sys
from datetime import datetime, timedelta

from kazoo.client import KazooClient

zk = KazooClient(f"127.0.0.1:{sys.argv[1]}")
zk.start(timeout=30)


def ask(host, hour, minute):
    return bool(
        zk.MultiNonBlockingLease(
            2, "/work", timedelta(hours=1), identifier=host, utcnow=lambda: datetime(2026, 1, 1, hour, minute)
        )
    )


print(f"12:00: a asks: {ask('a', 12, 0)}")
print(f"12:30: b asks: {ask('b', 12, 30)}")
print(f"12:45: c asks: {ask('c', 12, 45)}")
print(f"13:10, a is gone: b renews: {ask('b', 13, 10)}, c asks: {ask('c', 13, 10)}")
print("who has the places:", ", ".join(json.loads(zk.get(f"/work/{n}/lease_holder")[0])["holder"] for n in range(2)))
zk.stop()
PY
expected="12:00: a asks: True
12:30: b asks: True
12:45: c asks: False
13:10, a is gone: b renews: True, c asks: False
who has the places: b, b"
seen=$(/usr/bin/python3 try.py "$port" 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
