#!/usr/bin/env bash
# effect 4.1.0: `FiberMap.awaitEmpty` does not wait for fibers that were replaced, and who replaces one starts beside it.
#
# In a `FiberMap` there is one fiber for each key, and "if the key already has a fiber, the previous fiber is interrupted". One
# expects the new one to begin when the old one has ended, at the earliest when it has been told. It begins before the old one
# is told, and runs beside it for as long as that one takes to end (it gives a lock back, it writes what it has). And
# `awaitEmpty`, which "will wait for all currently running fibers to complete", waits for those that still have a key: it says
# that all is done while the replaced ones are at work. A program that flushes and exits after it cuts them off.
#
# Seen with Node 20 (the first fiber ends when it is let, after `awaitEmpty`):
#
#     second begins, first is told, second has ended, map is empty, first has ended
#
# Succeeds while this is so. What to do instead: `FiberMap.remove` before `FiberMap.run`, which waits for the end.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Deferred, Effect, FiberMap } from "effect"

const events = []
const program = Effect.gen(function*() {
  const goOn = yield* Deferred.make()
  const ended = yield* Deferred.make()
  const map = yield* FiberMap.make()
  const first = Effect.onInterrupt(Effect.never, () =>
    Effect.gen(function*() {
      events.push("first is told")
      yield* Deferred.await(goOn)
      events.push("first has ended")
      yield* Deferred.succeed(ended, undefined)
    }))
  const second = Effect.gen(function*() {
    events.push("second begins")
    yield* Effect.sleep("100 millis")
    events.push("second has ended")
  })
  yield* FiberMap.run(map, "key", first)
  yield* FiberMap.run(map, "key", second)
  yield* FiberMap.awaitEmpty(map)
  events.push("map is empty")
  yield* Deferred.succeed(goOn, undefined)
  yield* Deferred.await(ended)
})
await Effect.runPromise(Effect.scoped(program))
console.log(events.join(", "))
JS
expected="second begins, first is told, second has ended, map is empty, first has ended"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
