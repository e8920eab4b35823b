#!/usr/bin/env bash
# persist-queue 0.5.1 (Python), `UniqueAckQ`: a job that was done once is never accepted again, and `put` does not say so.
#
# A queue that takes each item once: "report for May" that is put five times is done once. One expects that to hold for what waits in the
# queue, as it does for `UniqueQ` of the same library: what was got and acknowledged is done, and may be put again next month. But
# what was acknowledged stays in the table, and the table is what must be unique: `put` of the same item does nothing, raises nothing and
# returns nothing, for as long as the file lives, and after a restart.
#
# Seen with Python 3.11 (put, get, done; then put again):
#
#     UniqueQ: waiting: 1
#     UniqueAckQ: waiting: 0
#     UniqueAckQ, opened again: waiting: 0
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: something in the item that is new each time.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-persist-queue=0.5.1-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
from persistqueue import UniqueAckQ, UniqueQ

queue = UniqueQ("plain", multithreading=True, auto_commit=True)
queue.put("report")
queue.get()
queue.put("report")
print(f"UniqueQ: waiting: {queue.size}")
for opened in ["", ", opened again"]:
    queue = UniqueAckQ("ack", multithreading=True)
    if not opened:
        queue.put("report")
        queue.ack(queue.get())
    queue.put("report")
    print(f"UniqueAckQ{opened}: waiting: {queue.size}")
PY
expected="UniqueQ: waiting: 1
UniqueAckQ: waiting: 0
UniqueAckQ, opened again: waiting: 0"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
