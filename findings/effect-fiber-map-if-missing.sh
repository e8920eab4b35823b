#!/usr/bin/env bash
# effect 4.1.0: `FiberMap.run` with `onlyIfMissing` gives who comes second a fiber that is interrupted, and not the one that is there.
#
# `FiberMap.run(map, key, load, { onlyIfMissing: true })` starts `load` unless there is a fiber of that key, and gives a fiber. So it looks
# like what one needs to load once, however many ask: whoever comes while it loads joins the fiber that is there. But he is given
# another one, which has never done anything and is interrupted, the same for everybody, in all maps. Who joins it is
# interrupted himself: no value, no error, nothing that `Effect.catch` would catch; what comes after it in his fiber is not done, and
# of a request nothing is heard. A `FiberHandle` does likewise.
#
# Seen with Node 20 (three ask for a user at the same time):
#
#     FiberMap: loads: 1; ann; interrupted, caught: no; interrupted, caught: no
#     FiberHandle: loads: 1; ann; interrupted, caught: no; interrupted, caught: no
#     get, or else run: loads: 1; ann; ann; ann
#
# Succeeds while this is so. What to do instead: `FiberMap.get` first, and `run` if there is none, without a yield between.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Exit, Fiber, FiberHandle, FiberMap, Option } from "effect"

const look = (words, make, get) =>
  Effect.gen(function*() {
    const fibers = yield* make
    let loads = 0
    const load = Effect.andThen(Effect.sync(() => loads++), Effect.as(Effect.sleep("20 millis"), "ann"))
    const ask = Effect.suspend(() => {
      let caught = "no"
      return get(fibers, load).pipe(
        Effect.catch(() => Effect.sync(() => caught = "yes")),
        Effect.exit,
        Effect.map((exit) => Exit.isSuccess(exit) ? exit.value : `interrupted, caught: ${caught}`)
      )
    })
    const seen = yield* Effect.forEach([1, 2, 3], () => ask, { concurrency: "unbounded" })
    console.log(`${words}: loads: ${loads}; ${seen.join("; ")}`)
  }).pipe(Effect.scoped, Effect.runPromise)

const options = { onlyIfMissing: true }
await look("FiberMap", FiberMap.make(), (map, load) =>
  Effect.flatMap(FiberMap.run(map, "user", load, options), Fiber.join))
await look("FiberHandle", FiberHandle.make(), (handle, load) =>
  Effect.flatMap(FiberHandle.run(handle, load, options), Fiber.join))
await look("get, or else run", FiberMap.make(), (map, load) =>
  FiberMap.get(map, "user").pipe(
    Effect.flatMap((there) => Option.isSome(there) ? Effect.succeed(there.value) : FiberMap.run(map, "user", load)),
    Effect.flatMap(Fiber.join)
  ))
JS
expected="FiberMap: loads: 1; ann; interrupted, caught: no; interrupted, caught: no
FiberHandle: loads: 1; ann; interrupted, caught: no; interrupted, caught: no
get, or else run: loads: 1; ann; ann; ann"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
