#!/usr/bin/env bash
# fasteners 0.17.3 (Python): a process that reads its own lock file has lost the lock, and its threads are all let in, and then fail.
#
# `InterProcessLock` locks a file between processes. Whoever has it may write its process id into it, and show it on a status page: one expects
# that looking at a file changes nothing. But the lock is one of fcntl(2): it belongs to the process and the file, not to the one who
# opened it, and goes when the process closes *any* handle of that file. `open(path).read()` anywhere in the holder's process gives
# the lock away, without a word, `acquired` stays `True`, and the next process is let in. For the same reason the decorator
# `interprocess_locked` keeps no thread of the process out: all are at work at once, and all but the first to leave
# fail when they leave, with the work done.
#
# Seen with Python 3.11.2:
#
#     another process while it is held: refused
#     another process after the holder read the file: let in; the holder's lock says acquired: True
#     interprocess_locked, three threads: 3 at once; 2 failed: Unable to release an unaquired lock
#
# Succeeds while this is so. Needs Debian 12 and its Python (/usr/bin/python3). What to do instead: filelock, which uses flock(2), and a
# `threading.Lock` around it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-fasteners=0.17.3-2 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > other.py << 'PY'
import fasteners

print("let in" if fasteners.InterProcessLock("lock-file").acquire(blocking=False) else "refused")
PY
cat > try.py << 'PY'
import subprocess
import sys
import threading
import time

import fasteners


def other():
    return subprocess.run([sys.executable, "other.py"], capture_output=True, text=True).stdout.strip()


lock = fasteners.InterProcessLock("lock-file")
lock.acquire()
print(f"another process while it is held: {other()}")
with open("lock-file") as file:
    file.read()
print(f"another process after the holder read the file: {other()}; the holder's lock says acquired: {lock.acquired}")

inside, most, failed = [], [], []


@fasteners.interprocess_locked("threads-file")
def work():
    inside.append(1)
    most.append(len(inside))
    time.sleep(0.3)
    inside.pop()


def thread():
    try:
        work()
    except RuntimeError as error:
        failed.append(str(error))


threads = [threading.Thread(target=thread) for _ in range(3)]
for it in threads:
    it.start()
for it in threads:
    it.join()
print(f"interprocess_locked, three threads: {max(most)} at once; {len(failed)} failed: {failed[0]}")
PY
expected="another process while it is held: refused
another process after the holder read the file: let in; the holder's lock says acquired: True
interprocess_locked, three threads: 3 at once; 2 failed: Unable to release an unaquired lock"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
