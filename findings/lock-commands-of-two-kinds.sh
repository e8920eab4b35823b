#!/usr/bin/env bash
# flock(1), setlock and chpst on one side, lckdo and with-lock-ex on the other: they lock one file, and let each other in.
#
# All five run a command under the lock of a file: `flock -n FILE CMD` of util-linux, `setlock -n FILE CMD` of daemontools, `chpst -L FILE
# CMD` of runit, `lckdo FILE CMD` of moreutils, `with-lock-ex -f FILE CMD` of chiark-utils. So one expects jobs that name one file to
# exclude each other whichever of them starts them, or to be told that they cannot. But Linux keeps two books for a file: flock(2), in which the
# first three write, and fcntl(2), in which the others do (as does lockf of Python). None of them reads the other book, and none
# says which is its own: a job that was moved from lckdo to flock runs beside the one that was not. Over NFS
# both are one book, so there the same pair of jobs excludes each other.
#
# Seen with Debian 12 (the first has the lock, the second one tries):
#
#     flock, then: flock refused, setlock refused, chpst refused, lckdo let in, with-lock-ex let in, lockf let in
#     setlock, then: flock refused, setlock refused, chpst refused, lckdo let in, with-lock-ex let in, lockf let in
#     lckdo, then: flock let in, setlock let in, chpst let in, lckdo refused, with-lock-ex refused, lockf refused
#
# Succeeds while this is so. Needs Debian 12, flock(1) and python3.
set -euo pipefail
command -v flock python3 > /dev/null || { echo "needs flock and python3"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq moreutils=0.67-1 daemontools=1:0.76-8.1 runit=2.1.2-54 chiark-utils-bin=7.0.0 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
PATH=$folder/packages/usr/bin:$PATH
cat > lockf.py << 'PY'
import fcntl, subprocess, sys
file = open(sys.argv[1], "r+")
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(1)
sys.exit(subprocess.call(sys.argv[2:]))
PY
under() { # tool file command...
  local tool=$1 file=$2
  shift 2
  case $tool in
    flock) flock -n "$file" "$@" ;;
    setlock) setlock -n "$file" "$@" ;;
    chpst) chpst -L "$file" "$@" ;;
    lckdo) lckdo "$file" "$@" ;;
    with-lock-ex) with-lock-ex -f "$file" "$@" ;;
    lockf) python3 lockf.py "$file" "$@" ;;
  esac 2> /dev/null
}
# the holder says that it is inside, and stays until it is told to go
cat > hold.sh << 'SH'
touch "$1.inside"
while [ ! -e "$1.go" ]; do sleep 0.05; done
SH
seen() {
  local result="" file
  for second in flock setlock chpst lckdo with-lock-ex lockf; do
    file=$folder/$1-$second
    touch "$file"
    under "$1" "$file" sh hold.sh "$file" &
    until [[ -e $file.inside ]]; do sleep 0.05; done
    under "$second" "$file" touch "$file.second" || true
    result+=", $second $([[ -e $file.second ]] && echo "let in" || echo refused)"
    touch "$file.go"
    wait
  done
  echo "$1, then:${result#,}"
}
expected="flock, then: flock refused, setlock refused, chpst refused, lckdo let in, with-lock-ex let in, lockf let in
setlock, then: flock refused, setlock refused, chpst refused, lckdo let in, with-lock-ex let in, lockf let in
lckdo, then: flock let in, setlock let in, chpst let in, lckdo refused, with-lock-ex refused, lockf refused"
seen=$(for it in flock setlock lckdo; do seen $it; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
