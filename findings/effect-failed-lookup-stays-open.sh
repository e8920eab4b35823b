#!/usr/bin/env bash
# effect 4.1.0: what a failed lookup has opened stays open in a `ScopedCache` or an `RcMap`, as long as the failure is kept.
#
# What an effect acquired on its way is released when it fails: that is what scopes are for, and why a lookup opens a connection
# first and then asks it for more. Both of these give each lookup a scope and keep its result, and one expects the scope of one
# that failed to be closed, as nobody has been given anything of it. It is kept along with the failure: in a `ScopedCache` until
# the entry goes, which without a `timeToLive` is for ever, and in an `RcMap` for `idleTimeToLive`. While a database refuses what
# comes after the connecting, each key that is asked for holds a connection that nobody can use.
#
# Seen with Node 20 (100 keys, each lookup opens something and fails then):
#
#     by themselves: 100 failures, 0 open
#     ScopedCache: 100 failures, 100 open
#     RcMap: 100 failures, 100 open
#
# Succeeds while this is so. What to do instead: `ScopedCache.invalidate` or `RcMap.invalidate` where the lookup failed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, RcMap, ScopedCache } from "effect"

let open = 0
const lookup = () =>
  Effect.gen(function*() {
    yield* Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--))
    return yield* Effect.fail("refused")
  })
const tries = (name, get) =>
  Effect.gen(function*() {
    open = 0
    let failures = 0
    for (let key = 0; key < 100; key++) {
      yield* Effect.catch(Effect.scoped(get(key)), () => Effect.sync(() => failures++))
    }
    console.log(`${name}: ${failures} failures, ${open} open`)
  })
const program = Effect.gen(function*() {
  yield* tries("by themselves", lookup)
  const cache = yield* ScopedCache.make({ capacity: 1000, lookup })
  yield* tries("ScopedCache", (key) => ScopedCache.get(cache, key))
  const map = yield* RcMap.make({ lookup, idleTimeToLive: "1 hour" })
  yield* tries("RcMap", (key) => RcMap.get(map, key))
})
await Effect.runPromise(Effect.scoped(program))
JS
expected="by themselves: 100 failures, 0 open
ScopedCache: 100 failures, 100 open
RcMap: 100 failures, 100 open"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
