#!/usr/bin/env bash
# portalocker 2.2.1 (Python): a process that was refused a `TemporaryFileLock` removes it from the one who has it, as it ends.
#
# `TemporaryFileLock` locks a file that is taken away when the lock is released, or else at the end of the process. One expects that of
# the process that has the lock. But every process that made such an object takes the file away when it ends, whether it was let in
# or refused. The holder keeps its lock, of a file that has no name any more; the next one makes a new file of that name, locks that,
# and is inside beside it. So it takes one who is refused, which is what the lock is for, and the one after that is let
# in. `Lock`, which leaves its file there, refuses both.
#
# Seen with Python 3.11.2 (one process has the lock, others try one after the other):
#
#     TemporaryFileLock: refused; let in
#     Lock: refused; refused
#
# Succeeds while this is so. Needs Debian 12 and its Python (/usr/bin/python3). What to do instead: `Lock`, and leave the file.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-portalocker=2.2.1-1 python3-redis=4.3.4-3 python3-packaging=23.0-1 python3-deprecated=1.2.13-3 python3-wrapt python3-async-timeout=4.0.2-1 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
cat > try.py << 'PY'
import sys
import portalocker

lock = getattr(portalocker, sys.argv[1])(sys.argv[1] + ".lock", fail_when_locked=True)
try:
    lock.acquire()
    print("let in", flush=True)
    if sys.argv[2:] == ["stay"]:
        sys.stdin.read()
except portalocker.AlreadyLocked:
    print("refused", flush=True)
PY
seen() {
  local first second third
  coproc HOLDER { exec /usr/bin/python3 try.py "$1" stay; }
  local holder=$HOLDER_PID in=${HOLDER[1]}
  read -r first <&"${HOLDER[0]}"
  [[ $first == "let in" ]]
  second=$(/usr/bin/python3 try.py "$1")
  third=$(/usr/bin/python3 try.py "$1")
  echo "$1: $second; $third"
  exec {in}>&-
  wait "$holder" || true
}
expected="TemporaryFileLock: refused; let in
Lock: refused; refused"
seen=$(seen TemporaryFileLock; seen Lock)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
