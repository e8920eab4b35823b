#!/usr/bin/env bash
# kazoo 2.8.0 (Python), `Counter`: an expression in which the counter stands, as in `counter + 1`, writes it, for everybody.
#
# `counter = zk.Counter("/jobs")` is a number that is shared by way of ZooKeeper: `counter += 1` adds one to it, and `counter.value`
# reads it. So one expects `counter + 1` to be the number after it, as with everything that can be added, and to change nothing. But
# `+=` is made of `+`, and it is `+` that writes: a line of a log that tells what comes next, a look at whether one more would be
# too many, each adds to the shared counter, and the result is not a number, but the counter, which can be compared with nothing.
#
# Seen with Python 3.11 and ZooKeeper 3.8.0:
#
#     after counter += 5: 5
#     "next is job {(counter + 1).value}": next is job 6
#     the counter afterwards: 6
#     counter - 5 > 0: TypeError; the counter afterwards: 1
#
# Succeeds while this is so. Needs Debian 12 and zookeeper. What to do instead: `counter.value + 1`.
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
import sys

from kazoo.client import KazooClient

zk = KazooClient(f"127.0.0.1:{sys.argv[1]}")
zk.start(timeout=30)
counter = zk.Counter("/jobs")
counter += 5
value = lambda: zk.Counter("/jobs").value
print(f"after counter += 5: {value()}")
print('"next is job {(counter + 1).value}":', f"next is job {(counter + 1).value}")
print(f"the counter afterwards: {value()}")
try:
    print(f"counter - 5 > 0: {counter - 5 > 0}")
except TypeError:
    print(f"counter - 5 > 0: TypeError; the counter afterwards: {value()}")
zk.stop()
PY
expected='after counter += 5: 5
"next is job {(counter + 1).value}": next is job 6
the counter afterwards: 6
counter - 5 > 0: TypeError; the counter afterwards: 1'
seen=$(/usr/bin/python3 try.py "$port" 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
