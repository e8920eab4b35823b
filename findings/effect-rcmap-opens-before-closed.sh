#!/usr/bin/env bash
# effect 4.1.0: an `RcMap` opens the resource of a key again while the last one of that key is still being closed.
#
# The map is there so that all who want a key share one resource, and one expects there to be one at any time. But when the
# last user leaves, the entry goes first and is closed then. Who comes while a slow finalizer is at work (a connection that
# drains, a lock that is given back) gets a second resource beside the first. Where the key is something that can be had only
# once, such as a port or a lock, the second one fails or waits.
#
# Seen with Node 20 (closing takes 100 ms, the second user comes after 30 ms of it):
#
#     opened 1, opened 2, used 2, closed 1, closed 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Fiber, RcMap } from "effect"

const events = []
const says = (event) => Effect.sync(() => events.push(event))
let count = 0
const program = Effect.gen(function*() {
  const map = yield* RcMap.make({
    lookup: () =>
      Effect.acquireRelease(
        Effect.suspend(() => Effect.as(says(`opened ${++count}`), count)),
        (n) => Effect.andThen(Effect.sleep(100), says(`closed ${n}`))
      )
  })
  const first = yield* Effect.forkChild(Effect.scoped(RcMap.get(map, "key")), { startImmediately: true })
  yield* Effect.sleep(30)
  yield* Effect.scoped(Effect.flatMap(RcMap.get(map, "key"), (n) => says(`used ${n}`)))
  yield* Fiber.join(first)
})
await Effect.runPromise(Effect.scoped(program))
console.log(events.join(", "))
JS
expected="opened 1, opened 2, used 2, closed 1, closed 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
