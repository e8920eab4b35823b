#!/usr/bin/env bash
# filelock 3.9.0 (Python, Debian 12): threads that share a `FileLock` are all let in, and the first to leave keeps nobody else out.
#
# A `FileLock` excludes processes from each other, and a module has one of them for all who call it. It is "reentrant": the one who
# has it may take it once more. One expects that to be the thread that has it, as with `threading.RLock`. But the object
# counts how often it was taken and does not ask by whom: while one thread is inside, each other thread of the process is let
# in at once. With a `FileLock` of its own for each thread they do wait for each other. (3.11 made the count of each
# thread its own; what Debian 12 installs has not got that.)
#
# Seen with Python 3.11.2 (three threads, each 0.2 s inside):
#
#     one FileLock for all: 3 threads at once
#     a FileLock for each: 1 threads at once
#     threading.RLock: 1 threads at once
#
# Succeeds while this is so. Needs Debian 12 and its Python (/usr/bin/python3). What to do instead: a `threading.Lock` around it, or a
# `FileLock` that is made where it is used.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-filelock=3.9.0-1+deb12u1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import threading
import time

from filelock import FileLock


def seen(name, lock):
    inside = []
    most = []

    def work():
        with lock():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.2)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{name}: {max(most)} threads at once")


shared = FileLock("shared.lock")
reentrant = threading.RLock()
seen("one FileLock for all", lambda: shared)
seen("a FileLock for each", lambda: FileLock("each.lock"))
seen("threading.RLock", lambda: reentrant)
PY
expected="one FileLock for all: 3 threads at once
a FileLock for each: 1 threads at once
threading.RLock: 1 threads at once"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
