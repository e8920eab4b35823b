#!/usr/bin/env bash
# GNU parallel 20221122, `sem`: who waits too long (`--st 1`) is let in beside the holder, and of a command that fails it says 0.
#
# `sem` runs a command under a mutex. `--semaphoretimeout 1` (`--st`) is how long to wait, and one expects what `flock -w 1` does: the
# command is not run, and the status says so. But a positive number means "take it anyway": the command runs beside the
# one who is at work, with a line of warning and the status 0. It is a negative number (`--st -1`) that gives up. And
# `sem CMD && next` goes on at once: the command is put into the background unless one asks for `--fg`, so the status is that of having
# started it, its failure is nowhere (`sem --wait` says 0, too), and what comes next comes before it is done.
#
# Seen:
#
#     --st 1 while another is inside: let in beside it, 0
#     --st -1 while another is inside: not let in, 1
#     a command that fails: 0; sem --wait: 0
#     a command that fails, --fg: 1
#
# Succeeds while this is so. Needs Debian 12 and perl.
set -euo pipefail

folder=$(mktemp -d)
trap 'touch "$folder/go" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq parallel=20221122+ds-2 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PATH=$folder/packages/usr/bin:$PATH HOME=$folder
code() { "$@" 2> /dev/null && echo 0 || echo $?; }
cat > hold.sh << 'SH'
touch inside
while [ ! -e go ]; do sleep 0.05; done
touch over
SH
cat > second.sh << 'SH'
[ -e over ] && echo after > "$1" || echo beside > "$1"
SH
seen() {
  local steals gives_up
  sem --id one --fg sh hold.sh > /dev/null 2>&1 &
  until [[ -e inside ]]; do sleep 0.05; done
  gives_up=$(code sem --id one --fg --st -1 sh second.sh gives-up)
  steals=$(code sem --id one --fg --st 1 sh second.sh steals)
  echo "--st 1 while another is inside: $([[ $(cat steals) == beside ]] && echo "let in beside it"), $steals"
  echo "--st -1 while another is inside: $([[ -e gives-up ]] || echo "not let in"), $gives_up"
  touch go
  wait
  echo "a command that fails: $(code sem --id two false); sem --wait: $(code sem --id two --wait)"
  echo "a command that fails, --fg: $(code sem --id three --fg false)"
}
expected="--st 1 while another is inside: let in beside it, 0
--st -1 while another is inside: not let in, 1
a command that fails: 0; sem --wait: 0
a command that fails, --fg: 1"
seen=$(seen)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
