#!/usr/bin/env bash
# exit-hook 5.1.0: an asynchronous hook that fails ends the process while the others are at work.
#
# `asyncExitHook(onExit, { wait })` is for what has to be done before a process ends: give locks back, write what is in memory.
# Each hook states how long it may take, and the process is kept for the longest of these. The hooks of a program come from
# modules that know nothing of each other, so one expects the failure of one to be no matter of the others, as it is with a
# hook that is late. But they are waited for by one `Promise.all` that nobody handles: at the first failure the process ends,
# as by any error that is not handled, at once, and the others are cut off in the middle. A hook that throws before its first
# `await` has those that were registered after it never called at all.
#
# Seen with Node 20 (a process that gets SIGTERM and has two hooks; the first takes half a second, and says so at its end):
#
#     the second hook succeeds: given back
#     the second hook fails: nothing
#
# Succeeds while this is so. What to do instead: a hook that catches all of its own failures.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund exit-hook@5.1.0
cat > program.mjs << 'JS'
import { asyncExitHook } from "exit-hook"
import { setTimeout as sleep } from "node:timers/promises"

asyncExitHook(async () => {
  await sleep(500)
  console.log("given back")
}, { wait: 20_000 })
asyncExitHook(async () => {
  await sleep(10)
  if (process.argv[2] === "fails") throw new Error("cannot flush")
}, { wait: 20_000 })
setInterval(() => {}, 1000)
process.kill(process.pid, "SIGTERM")
JS
expected="the second hook succeeds: given back
the second hook fails: nothing"
seen=$(for how in succeeds fails; do
  said=$(node program.mjs "$how" 2> /dev/null || true)
  echo "the second hook $how: ${said:-nothing}"
done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
