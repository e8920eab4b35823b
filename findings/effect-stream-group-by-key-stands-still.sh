#!/usr/bin/env bash
# effect 4.1.0: `Stream.groupByKey` with a limit on how many groups are at work serves the first ones only, and then stands still for good.
#
# "Each tenant's events in order, several tenants beside each other": `Stream.groupByKey`, and `Stream.flatMap` of each group with a
# `concurrency`, so that it is not too many at a time. One expects a free place to go to whichever tenant has something to do. But a
# group is a stream that ends with the source, which here it never does: the first two have the two places for ever, idle or not. The
# third one's events go into its buffer, and when that is full (4096), the source is not read any more, so that the first two get
# nothing either. No error, no log; with the few events of a test all goes well. `idleTimeToLive` ends groups that have nothing.
#
# Seen with Node 24 (events of a, b and c in turn, 10,000 of each, from a source that stays open; what is done after a second and a half):
#
#     concurrency "unbounded": a 10000, b 10000, c 10000
#     concurrency 2: c 0; a and b: between 4000 and 6000 each
#     concurrency 2, idleTimeToLive 100 ms: a 10000, b 10000, c 10000
#
# Succeeds while this is so. What to do instead: "unbounded" and a semaphore around the work, or `idleTimeToLive`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Stream } from "effect"

const tenants = ["a", "b", "c"]
const events = Stream.range(0, 29_999).pipe(Stream.map((number) => tenants[number % 3]), Stream.concat(Stream.never))
const seen = async (concurrency, options) => {
  const done = { a: 0, b: 0, c: 0 }
  await Effect.runPromise(events.pipe(
    Stream.groupByKey((tenant) => tenant, options),
    Stream.flatMap(([, group]) => Stream.tap(group, (tenant) => Effect.sync(() => done[tenant]++)), { concurrency }),
    Stream.runDrain,
    Effect.timeoutOption("1500 millis")
  ))
  return done
}
const said = ({ a, b, c }) => `a ${a}, b ${b}, c ${c}`
console.log(`concurrency "unbounded": ${said(await seen("unbounded"))}`)
const two = await seen(2)
const near = [two.a, two.b].every((count) => count > 4000 && count < 6000)
console.log(`concurrency 2: c ${two.c}; a and b: ${near ? "between 4000 and 6000 each" : `${two.a} and ${two.b}`}`)
console.log(`concurrency 2, idleTimeToLive 100 ms: ${said(await seen(2, { idleTimeToLive: 100 }))}`)
JS
expected='concurrency "unbounded": a 10000, b 10000, c 10000
concurrency 2: c 0; a and b: between 4000 and 6000 each
concurrency 2, idleTimeToLive 100 ms: a 10000, b 10000, c 10000'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
