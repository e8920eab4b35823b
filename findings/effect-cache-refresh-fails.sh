#!/usr/bin/env bash
# effect 4.1.0: a `Cache.refresh` that fails puts the failure in the place of the good value, by default for ever.
#
# A value that is in the cache is refreshed so that those who ask need not wait, and it is served while the refresh is under
# way. So one expects that what was good stays when the refresh fails: the caller of `refresh` hears of it, and the others go on
# with what there is, as with `Resource.refresh` of the same library, or `allowStale` of others. Here the failure becomes the
# value of the key. Who asks then is given it without another lookup, and with no `timeToLive`, or one that does not look at the
# exit, for as long as a good value would have lasted. One moment without the database ends hours of good answers.
#
# Seen with Node 20 (one lookup succeeds, the refresh fails, and all is well again after it):
#
#     Cache: value, refresh: down, after it: down; lookups: 2
#     Resource: value, refresh: down, after it: value; lookups: 2
#
# Succeeds while this is so. What to do instead: look up outside of the cache, and `Cache.set` what was found. (`Cache.makeWith`,
# whose `timeToLive` is given the exit, can only shorten the failure: the good value is gone.)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Cache, Effect, Resource } from "effect"

const tries = (name, make) =>
  Effect.gen(function*() {
    let count = 0
    const lookup = Effect.suspend(() => ++count === 2 ? Effect.fail("down") : Effect.succeed("value"))
    const { get, refresh } = yield* make(lookup)
    const says = (effect) => Effect.catch(effect, (error) => Effect.succeed(error))
    const before = yield* says(get)
    const refreshed = yield* says(refresh)
    const after = yield* says(get)
    console.log(`${name}: ${before}, refresh: ${refreshed}, after it: ${after}; lookups: ${count}`)
  })
const program = Effect.gen(function*() {
  yield* tries("Cache", (lookup) =>
    Effect.map(Cache.make({ capacity: 10, lookup: () => lookup }), (cache) => ({
      get: Cache.get(cache, "key"),
      refresh: Cache.refresh(cache, "key")
    })))
  yield* tries("Resource", (lookup) =>
    Effect.map(Resource.manual(lookup), (resource) => ({
      get: Resource.get(resource),
      refresh: Resource.refresh(resource)
    })))
})
await Effect.runPromise(Effect.scoped(program))
JS
expected="Cache: value, refresh: down, after it: down; lookups: 2
Resource: value, refresh: down, after it: value; lookups: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
