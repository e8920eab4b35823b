#!/usr/bin/env bash
# Node 22.19.0, 24.21.0 and 26.10.0: what Node starts has the open files 16 and up of whoever started Node, and those from 3 to 15 not.
#
# The usual lock of a shell script is a descriptor: `exec 9> lock; flock 9`. It lasts for as long as somebody has the file open,
# and what the script starts has it open, too. Where that is Node which starts others (npm, a supervisor, a deploy tool), one
# expects one of two things: that they have it, as from a shell, or that they have what `stdio` says and nothing else, as from
# Python. It depends on the number. At its start Node marks the descriptors up to 15 as not to be handed on, and goes on with
# those above only until the first that is not open. So under number 9 the lock is free as soon as Node has ended, though what
# it started works on; under number 20 a daemon that was started with `stdio: "ignore"` keeps the lock for as long as it lives.
#
# Seen on each of them (something that Node started, and that goes on after it):
#
#     the lock on 9 is free
#     the lock on 20 is taken
#
# and of a shell in Node's place "taken" both times. Node's documentation of `stdio` does not tell of it.
#
# Needs flock of util-linux. Succeeds while this is so. What to do instead: name the descriptors that are to be handed on in
# `stdio` (`["ignore", "ignore", "ignore", 3]`), and close with `20>&-` what is not.
set -euo pipefail

folder=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon"; rm -rf "$folder"' EXIT
cd "$folder"
cat > start.mjs << 'JS'
import { spawn } from "node:child_process"
const child = spawn("sleep", ["60"], { stdio: "ignore", detached: true })
child.unref()
console.log(child.pid)
JS

# Locks a file under a number, has something start a daemon, lets go, and looks who has it.
look() {
  daemon=$(bash -c "exec $1> lock; flock $1; $2")
  if flock -n lock true; then echo "the lock on $1 is free"; else echo "the lock on $1 is taken"; fi
  kill "$daemon"
  while [ -e "/proc/$daemon" ]; do sleep 0.1; done
  daemon=
}

seen="$(look 9 'sleep 60 > /dev/null & echo $!')
$(look 20 'sleep 60 > /dev/null & echo $!')"
echo "a shell"
echo "$seen"
[[ $seen == $'the lock on 9 is taken\nthe lock on 20 is taken' ]] || { echo "changed"; exit 1; }

for version in 22.19.0 24.21.0 26.10.0; do
  echo "node $version"
  node=$(npx --yes --package "node@$version" which node)
  seen="$(look 9 "$node start.mjs")
$(look 20 "$node start.mjs")"
  echo "$seen"
  [[ $seen == $'the lock on 9 is free\nthe lock on 20 is taken' ]] || { echo "changed"; exit 1; }
done
