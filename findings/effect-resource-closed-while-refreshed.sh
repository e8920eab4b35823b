#!/usr/bin/env bash
# effect 4.1.0: while a `Resource` or a `ScopedRef` is refreshed, those who ask for it are given what has been closed.
#
# "Replacing the value acquires the replacement in a new scope and releases the resources owned by the previous value." One
# expects the new value to be there for all before the old one is closed, as that is why the new one is made first. It is put
# in when the old one has been closed to the end. For as long as that takes (a pool that drains, a goodbye to a server), `get`
# neither waits nor gives the new value: it gives the closed one.
#
# Seen with Node 20 (a refresh, whose closing of the first value waits after it has closed it):
#
#     during the refresh: value 1 of 2, closed
#     after it: value 2 of 2, open
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Deferred, Effect, Fiber, Resource } from "effect"

let count = 0
const program = Effect.gen(function*() {
  const closed = yield* Deferred.make()
  const goOn = yield* Deferred.make()
  const resource = yield* Resource.manual(Effect.acquireRelease(
    Effect.sync(() => ({ number: ++count, state: "open" })),
    (value) =>
      Effect.gen(function*() {
        value.state = "closed"
        yield* Deferred.succeed(closed, undefined)
        yield* Deferred.await(goOn)
      })
  ))
  const says = Effect.map(Resource.get(resource), ({ number, state }) => `value ${number} of ${count}, ${state}`)
  const refresh = yield* Effect.forkChild(Resource.refresh(resource))
  yield* Deferred.await(closed)
  console.log(`during the refresh: ${yield* says}`)
  yield* Deferred.succeed(goOn, undefined)
  yield* Fiber.join(refresh)
  console.log(`after it: ${yield* says}`)
})
await Effect.runPromise(Effect.scoped(program))
JS
expected="during the refresh: value 1 of 2, closed
after it: value 2 of 2, open"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
