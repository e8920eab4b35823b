#!/usr/bin/env bash
# @tanstack/pacer 0.22.0: an `AsyncQueuer` that takes the newest first does one item, and stands still with the others for good.
#
# `getItemsFrom: "back"` makes a stack of the queue, which is documented as one of its ways ("FIFO or LIFO"): the newest is done
# first, and the others when it is done. What is at work is noted, so that no more than `concurrency` are; but what is noted is the
# item at the front, and what is done is the one at the back. The one that ends is not found among those at work, so the note of
# the other one stays, and counts. Once as many items as may run have ended, nothing is begun any more: `status` says "running",
# `isExecuting` false, new items wait behind the old ones, and no callback tells of it. `Queuer`, of the same library, is right.
#
# Seen with Node 20 (four items; the clock is mocked, an hour is waited for):
#
#     AsyncQueuer, front: done a b c d, waiting: none, status: idle
#     AsyncQueuer, back: done d, waiting: a b c, status: running
#     AsyncQueuer, back, concurrency 2: done d c, waiting: a b, status: running
#     Queuer, back: done d c b a, waiting: none, status: idle
#
# Succeeds while this is so. What to do instead: add the items to the front (`addItemsTo: "front"`) and take them from there.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tanstack/pacer@0.22.0 @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { AsyncQueuer, Queuer } from "@tanstack/pacer"

const tries = async (name, make) => {
  const clock = FakeTimers.install({ now: 0 })
  const done = []
  const queuer = make(done)
  for (const item of ["a", "b", "c", "d"]) queuer.addItem(item)
  queuer.start()
  await clock.tickAsync(3_600_000)
  clock.uninstall()
  const waiting = queuer.store.state.items.join(" ") || "none"
  console.log(`${name}: done ${done.join(" ")}, waiting: ${waiting}, status: ${queuer.store.state.status}`)
}
const asynchronous = (options) => (done) =>
  new AsyncQueuer(async (item) => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    done.push(item)
  }, { started: false, ...options })
await tries("AsyncQueuer, front", asynchronous({ getItemsFrom: "front" }))
await tries("AsyncQueuer, back", asynchronous({ getItemsFrom: "back" }))
await tries("AsyncQueuer, back, concurrency 2", asynchronous({ getItemsFrom: "back", concurrency: 2 }))
await tries("Queuer, back", (done) => new Queuer((item) => done.push(item), { started: false, getItemsFrom: "back" }))
JS
expected="AsyncQueuer, front: done a b c d, waiting: none, status: idle
AsyncQueuer, back: done d, waiting: a b c, status: running
AsyncQueuer, back, concurrency 2: done d c, waiting: a b, status: running
Queuer, back: done d c b a, waiting: none, status: idle"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
