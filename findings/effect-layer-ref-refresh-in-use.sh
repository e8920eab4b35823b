#!/usr/bin/env bash
# effect 4.1.0: `LayerRef.refresh` and `LayerMap.invalidate` give the old service again, as long as anybody uses it.
#
# A `LayerRef` is a "refreshable reference" to what a layer builds, and invalidating it is to let "later users" have a new one:
# for a password that was changed, a primary that moved, a lock's connection that is broken. One expects those who come after
# the refresh to get the new one, while those who are at work end with the old, as `RcRef` and `RcMap`, which it is made of, do.
# But a layer is built through a map of what has been built already, and there the old one stays until its last user is gone. So
# the refresh is done without building anything, and all who come get the old service, which lives on through them. Where there
# is always one at work, a service is never refreshed; nor is it afterwards, when the last of them left it to the idle time.
#
# Seen with Node 20 (somebody uses the service, it is refreshed, another one comes; then both are gone, and a third one comes):
#
#     LayerRef.refresh: at work with 1, who comes after it gets 1, and when the first is gone: 1; opened: 1
#     LayerMap.invalidate: at work with 1, who comes after it gets 1, and when the first is gone: 1; opened: 1
#     RcRef.invalidate: at work with 1, who comes after it gets 2, and when the first is gone: 2; opened: 2
#
# Succeeds while this is so. What to do instead: give it `Layer.fresh(layer)`, which is built anew each time.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Context, Effect, Exit, Layer, LayerMap, LayerRef, RcRef, Scope } from "effect"

class Database extends Context.Service()("Database") {}

const tries = (name, make) =>
  Effect.gen(function*() {
    let opened = 0
    const open = Effect.acquireRelease(Effect.sync(() => ({ id: ++opened })), () => Effect.void)
    const { get, renew } = yield* make(open)
    const work = yield* Scope.make()
    const first = yield* Scope.provide(get, work)
    yield* renew
    const second = yield* Effect.scoped(get)
    yield* Scope.close(work, Exit.void)
    const third = yield* Effect.scoped(get)
    console.log(
      `${name}: at work with ${first.id}, who comes after it gets ${second.id}, ` +
        `and when the first is gone: ${third.id}; opened: ${opened}`
    )
  })
const service = (context) => Context.get(context, Database)
const program = Effect.gen(function*() {
  yield* tries("LayerRef.refresh", (open) =>
    Effect.map(LayerRef.make(Layer.effect(Database)(open), { idleTimeToLive: "1 minute" }), (ref) => ({
      get: Effect.map(ref.contextEffect, service),
      renew: ref.refresh
    })))
  yield* tries("LayerMap.invalidate", (open) =>
    Effect.map(
      LayerMap.fromRecord({ main: Layer.effect(Database)(open) }, { idleTimeToLive: "1 minute" }),
      (map) => ({ get: Effect.map(map.contextEffect("main"), service), renew: map.invalidate("main") })
    ))
  yield* tries("RcRef.invalidate", (open) =>
    Effect.map(RcRef.make({ acquire: open, idleTimeToLive: "1 minute" }), (ref) => ({
      get: RcRef.get(ref),
      renew: RcRef.invalidate(ref)
    })))
})
await Effect.runPromise(Effect.scoped(program))
JS
expected="LayerRef.refresh: at work with 1, who comes after it gets 1, and when the first is gone: 1; opened: 1
LayerMap.invalidate: at work with 1, who comes after it gets 1, and when the first is gone: 1; opened: 1
RcRef.invalidate: at work with 1, who comes after it gets 2, and when the first is gone: 2; opened: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
