#!/usr/bin/env bash
# persist-queue 0.5.1 (Python), `SQLiteAckQueue`: whoever opens the queue is given the jobs that others are at work on.
#
# A queue in a file, with `get`, `ack` and `nack`: a job that was got and not acknowledged is there again after a crash. So one starts
# a second worker that opens the same file, and expects it to get other jobs than the first. But what is not acknowledged is put
# back whenever the queue is opened (`auto_resume`, which is on), whether its worker has crashed or is at work, and there is no time
# after which a job counts as lost. So each worker that is started, and each tool that opens the queue to count it, has all the
# jobs that are being done at that moment done twice.
#
# Seen with Python 3.11:
#
#     the first worker has: job 1; the second one gets: job 1, then job 2
#     with auto_resume=False it gets: job 2
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: `auto_resume=False` for all, and one that calls
# `resume_unack_tasks()` when no worker runs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-persist-queue=0.5.1-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > another.py << 'PY'
import sys

from persistqueue import Empty, SQLiteAckQueue

queue = SQLiteAckQueue(sys.argv[1], multithreading=True, auto_resume=sys.argv[2] == "True")
got = []
try:
    while True:
        got.append(queue.get(timeout=0.1))
except Empty:
    print(", then ".join(got))
PY
cat > try.py << 'PY'
import subprocess
import sys

from persistqueue import SQLiteAckQueue


def another(resume):
    queue = SQLiteAckQueue(f"queue-{resume}", multithreading=True, auto_resume=resume)
    for job in ["job 1", "job 2"]:
        queue.put(job)
    mine = queue.get()
    return mine, subprocess.run(
        [sys.executable, "another.py", f"queue-{resume}", str(resume)], capture_output=True, text=True
    ).stdout.strip()


mine, its = another(True)
print(f"the first worker has: {mine}; the second one gets: {its}")
print(f"with auto_resume=False it gets: {another(False)[1]}")
PY
expected="the first worker has: job 1; the second one gets: job 1, then job 2
with auto_resume=False it gets: job 2"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
