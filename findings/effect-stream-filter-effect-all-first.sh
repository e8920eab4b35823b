#!/usr/bin/env bash
# effect 4.1.0: `Stream.filterEffect` asks for all before it hands on the first, and if it fails for one, those it had let through are gone.
#
# A stream of jobs, each of which is claimed first: `Stream.filterEffect(claim)`, and what could be claimed goes on to `Stream.mapEffect(work)`.
# One expects a job to be claimed and done, and then the next one, as it is with two `mapEffect`s, or with `tap`. But `filterEffect`
# goes through the whole array that the stream has at hand: the leases of all are running
# while the first is at work. And if a claim fails, nothing of that array is handed on: what was claimed before it is claimed, and not
# done. `takeUntilEffect` and `takeWhileEffect` do likewise.
#
# Seen with Node 24 (jobs 1 to 3; and once more, where the claim of 3 fails):
#
#     filterEffect: claim 1, claim 2, claim 3, work 1, work 2, work 3
#     mapEffect: claim 1, work 1, claim 2, work 2, claim 3, work 3
#     filterEffect, 3 fails: claim 1, claim 2
#     takeUntilEffect, 3 fails: claim 1, claim 2
#     takeWhileEffect, 3 fails: claim 1, claim 2
#     mapEffect, 3 fails: claim 1, work 1, claim 2, work 2
#     tap, 3 fails: claim 1, work 1, claim 2, work 2
#     filterEffect after rechunk(1), 3 fails: claim 1, work 1, claim 2, work 2
#
# Succeeds while this is so. What to do instead: `mapEffect` to an Option and a `filter` behind it, or `Stream.rechunk(1)` before it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Stream } from "effect"

const jobs = Stream.fromIterable([1, 2, 3])
const ways = (claim) => ({
  filterEffect: jobs.pipe(Stream.filterEffect((job) => Effect.as(claim(job), true))),
  takeUntilEffect: jobs.pipe(Stream.takeUntilEffect((job) => Effect.as(claim(job), false))),
  takeWhileEffect: jobs.pipe(Stream.takeWhileEffect((job) => Effect.as(claim(job), true))),
  mapEffect: jobs.pipe(Stream.mapEffect((job) => Effect.as(claim(job), job))),
  tap: jobs.pipe(Stream.tap(claim)),
  "filterEffect after rechunk(1)": jobs.pipe(Stream.rechunk(1), Stream.filterEffect((job) => Effect.as(claim(job), true)))
})
const seen = async (name, fails) => {
  const events = []
  const claim = (job) =>
    fails && job === 3 ? Effect.fail("refused") : Effect.sync(() => events.push(`claim ${job}`))
  const work = (job) => Effect.sync(() => events.push(`work ${job}`))
  await Effect.runPromise(ways(claim)[name].pipe(Stream.mapEffect(work), Stream.runDrain, Effect.exit))
  console.log(`${name}${fails ? ", 3 fails" : ""}: ${events.join(", ")}`)
}
for (const name of ["filterEffect", "mapEffect"]) await seen(name, false)
for (const name of ["filterEffect", "takeUntilEffect", "takeWhileEffect", "mapEffect", "tap"]) await seen(name, true)
await seen("filterEffect after rechunk(1)", true)
JS
expected="filterEffect: claim 1, claim 2, claim 3, work 1, work 2, work 3
mapEffect: claim 1, work 1, claim 2, work 2, claim 3, work 3
filterEffect, 3 fails: claim 1, claim 2
takeUntilEffect, 3 fails: claim 1, claim 2
takeWhileEffect, 3 fails: claim 1, claim 2
mapEffect, 3 fails: claim 1, work 1, claim 2, work 2
tap, 3 fails: claim 1, work 1, claim 2, work 2
filterEffect after rechunk(1), 3 fails: claim 1, work 1, claim 2, work 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
