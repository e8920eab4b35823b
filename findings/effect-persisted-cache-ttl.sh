#!/usr/bin/env bash
# effect 4.1.0: a `PersistedCache` ignores a `timeToLive` below ten seconds, and answers with failures that were not to be kept.
#
# `timeToLive` is asked how long an exit is to be kept, by the exit and the key, and is the option that has to be given. One
# expects a value of one second to be looked up again after one second, and a failure that is to be kept for no time at all not to
# be answered to the next who asks. But it is the time of the store behind only. The cache in memory before it has a time of its
# own, which is ten seconds for everything, failures too, unless `inMemoryTTL` is given. So whoever asks within ten seconds of
# a failure is given that failure, without a lookup, and a value may be ten seconds older than it was allowed to be, in
# each process anew: a process that finds it in the store a moment before it ends keeps it for ten seconds from there.
#
# Seen with Node 20 (the service is down at first; values are kept for a second, failures for no time; time of a test clock):
#
#     at 0 s: down (lookup 1)
#     and again, the service is up: down (lookup 1)
#     after 9 s: down (lookup 1)
#     after 10 s: value 2 (lookup 2)
#     after 19 s: value 2 (lookup 2)
#     after 20 s: value 3 (lookup 3)
#     with the same function as inMemoryTTL: down, value 2, after 1 s value 3
#
# Succeeds while this is so. What to do instead: give the same function as `inMemoryTTL`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Exit, Schema } from "effect"
import { Persistable, PersistedCache, Persistence } from "effect/persistence"
import { TestClock } from "effect/testing"

class Price extends Persistable.Class()("Price", {
  primaryKey: (request) => request.id,
  success: Schema.String,
  error: Schema.String
}) {}

const timeToLive = (exit) => Exit.isSuccess(exit) ? "1 second" : 0
const make = (storeId, options) =>
  Effect.gen(function*() {
    let lookups = 0
    const lookup = () =>
      Effect.suspend(() => ++lookups === 1 ? Effect.fail("down") : Effect.succeed(`value ${lookups}`))
    const cache = yield* PersistedCache.make(lookup, { storeId, timeToLive, ...options })
    const ask = Effect.catch(cache.get(new Price({ id: "1" })), (error) => Effect.succeed(error))
    return { ask, say: (when) => Effect.map(ask, (answer) => console.log(`${when}: ${answer} (lookup ${lookups})`)) }
  })
const program = Effect.gen(function*() {
  const { say } = yield* make("one", {})
  yield* say("at 0 s")
  yield* say("and again, the service is up")
  yield* TestClock.adjust("9 seconds")
  yield* say("after 9 s")
  yield* TestClock.adjust("1 second")
  yield* say("after 10 s")
  yield* TestClock.adjust("9 seconds")
  yield* say("after 19 s")
  yield* TestClock.adjust("1 second")
  yield* say("after 20 s")
  const { ask } = yield* make("two", { inMemoryTTL: timeToLive })
  const [first, second] = [yield* ask, yield* ask]
  yield* TestClock.adjust("1 second")
  console.log(`with the same function as inMemoryTTL: ${first}, ${second}, after 1 s ${yield* ask}`)
})
await Effect.runPromise(
  Effect.scoped(program).pipe(Effect.provide(Persistence.layerMemory), Effect.provide(TestClock.layer()))
)
JS
expected="at 0 s: down (lookup 1)
and again, the service is up: down (lookup 1)
after 9 s: down (lookup 1)
after 10 s: value 2 (lookup 2)
after 19 s: value 2 (lookup 2)
after 20 s: value 3 (lookup 3)
with the same function as inMemoryTTL: down, value 2, after 1 s value 3"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
