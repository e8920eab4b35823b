#!/usr/bin/env bash
# @sapphire/async-queue 1.5.5: a signal that is aborted already is ignored, and the one who gave up gets the lock.
#
# `wait({ signal })` waits for one's turn, and an abort ends the wait with an error. One expects a signal that was aborted
# before the call to end it at once, as `fetch`, `events.once` and the timers do. Here such a signal is put aside: the call
# waits like any other, is let in when its turn comes, and holds everybody up until it calls `shift`, which somebody who was
# told to stop may not do. A request whose time is over when it comes to the lock is such a case.
#
# Seen with Node 20 (the first is in, the second waits with a signal):
#
#     aborted while it waits: refused
#     aborted before: had the lock
#
# Succeeds while this is so. What to do instead: `signal.throwIfAborted()` before the call.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @sapphire/async-queue@1.5.5
cat > try.mjs << 'JS'
import { AsyncQueue } from "@sapphire/async-queue"

for (const before of [false, true]) {
  const queue = new AsyncQueue()
  await queue.wait()
  const controller = new AbortController()
  if (before) controller.abort()
  const waiting = queue.wait({ signal: controller.signal }).then(() => "had the lock", () => "refused")
  if (!before) controller.abort()
  await new Promise((resolve) => setTimeout(resolve, 200))
  queue.shift()
  console.log(`aborted ${before ? "before" : "while it waits"}: ${await waiting}`)
}
JS
expected="aborted while it waits: refused
aborted before: had the lock"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
