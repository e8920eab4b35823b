#!/usr/bin/env bash
# Python 3.11.2: `functools.cached_property` has one lock for all objects of a class, and two of them wait for each other for ever.
#
# `cached_property` computes a value once for each object and keeps it with that object; threads that ask for it at the same time wait for
# the one who computes. One expects that single flight to be of the object. But the lock belongs to the property: while one thread
# computes it for one object (opens a connection, asks a server), no other object of that class can be asked for its own,
# as long as that takes. And where a value is computed by a thread that needs another object's, both wait for good: a parent
# that asks its children by a pool of threads never has an answer. (Python 3.12 took the lock away, so there it
# may be computed twice.)
#
# Seen:
#
#     4 objects, 4 threads, 0.25 s each: 1.0 s in all
#     a parent that asks its child by another thread: no answer after 2 s
#     the same without a thread: 2
#
# Succeeds while this is so. Needs Python 3.11 as /usr/bin/python3 (Debian 12). What to do instead: a lock of one's own in each object.
set -euo pipefail
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "needs Python 3.11"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.py << 'PY'
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from functools import cached_property

pool = ThreadPoolExecutor(8)


class Slow:
    @cached_property
    def value(self):
        time.sleep(0.25)
        return 1


class Node:
    def __init__(self, child, ask):
        self.child = child
        self.ask = ask

    @cached_property
    def depth(self):
        return 1 if self.child is None else 1 + self.ask(lambda: self.child.depth)


began = time.monotonic()
list(pool.map(lambda it: it.value, [Slow() for _ in range(4)]))
print(f"4 objects, 4 threads, 0.25 s each: {time.monotonic() - began:.1f} s in all")


def asked(name, ask):
    parent = Node(Node(None, ask), ask)
    try:
        print(f"{name}: {pool.submit(lambda: parent.depth).result(2)}", flush=True)
    except TimeoutError:
        print(f"{name}: no answer after 2 s", flush=True)


def by_thread(work):
    return pool.submit(work).result()


# another class, for its lock is taken from then on
class Other(Node):
    @cached_property
    def depth(self):
        return 1 if self.child is None else 1 + self.child.depth


asked("a parent that asks its child by another thread", by_thread)
print(f"the same without a thread: {Other(Other(None, None), None).depth}", flush=True)
os._exit(0)
PY
expected="4 objects, 4 threads, 0.25 s each: 1.0 s in all
a parent that asks its child by another thread: no answer after 2 s
the same without a thread: 2"
seen=$(/usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
