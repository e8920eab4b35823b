#!/usr/bin/env bash
# lockfile 0.12.2 (Python), `SQLiteLockFile`: processes do not exclude each other.
#
# The library has four kinds of locks of a file "for inter-process locking": by a link, a directory, a symbolic link, and a SQLite database,
# which share one interface. One expects the last one to keep a table of locks where all who lock the file find it. It makes a database
# of its own in each process, in a temporary file whose name nobody else learns: threads exclude each other, processes never do,
# and `is_locked` is false for whoever asks from outside.
#
# Seen with Python 3.11 (another process tries while the lock is held):
#
#     LinkLockFile: refused
#     MkdirLockFile: refused
#     SymlinkLockFile: refused
#     SQLiteLockFile: let in
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: one of the other three, or filelock.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-lockfile=1:0.12.2-2.2 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > another.py << 'PY'
import importlib
import sys

from lockfile import LockTimeout

lock = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(sys.argv[2])
try:
    lock.acquire(timeout=0.5)
    print("let in")
except LockTimeout:
    print("refused")
PY
cat > try.py << 'PY'
import importlib
import subprocess
import sys

for name in ["LinkLockFile", "MkdirLockFile", "SymlinkLockFile", "SQLiteLockFile"]:
    module = f"lockfile.{name.lower()}"
    lock = getattr(importlib.import_module(module), name)(name)
    lock.acquire(timeout=1)
    another = subprocess.run([sys.executable, "another.py", module, name], capture_output=True, text=True).stdout.strip()
    print(f"{name}: {another}")
PY
expected="LinkLockFile: refused
MkdirLockFile: refused
SymlinkLockFile: refused
SQLiteLockFile: let in"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
