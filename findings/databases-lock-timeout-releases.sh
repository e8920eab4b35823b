#!/usr/bin/env bash
# @databases/lock 2.1.0: who times out waiting gives the lock back that somebody else holds.
#
# With a time limit, a waiter that is not served in time is rejected, and one expects nothing else to come of it: it had nothing.
# But before it is told, it calls `releaseLock`, as if it had been let in. If others wait, the next one is let in beside the holder;
# if none does, the lock is free, and whoever comes is let in at once. The holder's own release then lets one more in. A time
# limit is over when the work takes long, which is when there are others, so that a lock with one is open when it is needed.
#
# Seen with Node 20 (somebody holds the lock for a second; a limit of 100 ms; the work of those who were let in takes 300 ms):
#
#     the second: Timed out waiting for lock after 100ms
#     the third, who comes then: let in, 2 at work
#     the fourth, who comes as the first one ends: let in, 2 at work
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @databases/lock@2.1.0
cat > try.mjs << 'JS'
import locks from "@databases/lock"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lock = locks.createLock(100)
let working = 0
const work = (ms) =>
  lock.withLock(async () => {
    const now = ++working
    await sleep(ms)
    working--
    return `let in, ${now} at work`
  }).catch((error) => error.message)
const first = work(1000)
console.log(`the second: ${await work(300)}`)
console.log(`the third, who comes then: ${await work(300)}`)
const last = work(1000)
await first
console.log(`the fourth, who comes as the first one ends: ${await work(300)}`)
await last
JS
expected="the second: Timed out waiting for lock after 100ms
the third, who comes then: let in, 2 at work
the fourth, who comes as the first one ends: let in, 2 at work"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
