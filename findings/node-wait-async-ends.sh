#!/usr/bin/env bash
# Node 20.20.2, 22.19.0 and 24.21.0: a program that waits by `Atomics.waitAsync` with a timeout ends instead of waiting.
#
# `Atomics.waitAsync` is there to wait for a lock in shared memory without blocking the thread. With a timeout, its promise is
# settled in any case, "ok" when it is notified and "timed-out" at the latest when the time is up, so one expects the program to
# live until then, as with `setTimeout`. But the timer that belongs to it keeps nothing alive: when nothing else is open, the
# program ends at once, in the middle of its waiting, and no `finally` is run. With an `await` at the top level the exit code is
# 13, within a function it is 0, as if all had been done.
#
# Seen on each of them (waiting for a second, with nothing else to do, and with a `setTimeout` beside it):
#
#     at the top level: waits, exit code 13
#     in a function: waits, exit code 0
#     beside a timer: waits, timed-out, ended, exit code 0
#
# Succeeds while this is so. What to do instead: a timer of one's own beside it, a little longer.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0
cat > try.mjs << 'JS'
import { writeSync } from "node:fs"

const says = (text) => writeSync(1, `${text}, `)
const wait = async () => {
  const lock = new Int32Array(new SharedArrayBuffer(4))
  says("waits")
  try {
    says(await Atomics.waitAsync(lock, 0, 0, 1000).value)
  } finally {
    says("ended")
  }
}
if (process.argv[2] === "beside a timer") setTimeout(() => {}, 5000)
if (process.argv[2] === "in a function") wait()
else await wait()
JS
expected="at the top level: waits, exit code 13
in a function: waits, exit code 0
beside a timer: waits, timed-out, ended, exit code 0"
for name in node20 node22 node24; do
  seen=$(for how in "at the top level" "in a function" "beside a timer"; do
    code=0
    said=$("node_modules/$name/bin/node" try.mjs "$how" 2> /dev/null) || code=$?
    echo "$how: ${said}exit code $code"
  done)
  echo "$("node_modules/$name/bin/node" --version)"
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
