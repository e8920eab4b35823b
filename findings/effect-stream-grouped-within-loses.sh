#!/usr/bin/env bash
# effect 4.1.0: `Stream.groupedWithin` and `aggregateWithin` throw away what they have gathered when the source fails; `grouped` hands it on.
#
# `groupedWithin(100, "5 seconds")` is how one writes to a database in batches: a hundred at a time, or what there is after five seconds. If the
# source fails, one expects the elements that came before the failure, and then the failure: so it is with `grouped`, `transduce`, `rechunk`,
# `sliding`, `debounce` and `buffer`, and so it is if the source ends, or if it is interrupted by `interruptWhen`. But with a time limit the group
# that is being gathered is dropped. Its elements were read (a message was acknowledged, a cursor moved on), and are not written, up to
# 99 of them; a `Stream.retry` goes on behind them.
#
# Seen with Node 24 (1, 2 and 3, then a failure):
#
#     grouped(10): [1,2,3]
#     transduce(Sink.take(10)): [1,2,3]
#     groupedWithin(10, 1 s): nothing
#     groupedWithin(2, 1 s): [1,2]
#     aggregateWithin(Sink.take(10), 1 s): nothing
#     groupAdjacentBy: nothing
#     groupedWithin(10, 1 s), the source is interrupted: [1,2,3]
#     groupedWithin(10, 1 s), the failure as a value: [1,2,3]
#
# Succeeds while this is so. What to do instead: `Stream.result` before it, and the failure again behind it, as in the last line.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Result, Schedule, Sink, Stream } from "effect"

const numbers = Stream.fromIterable([1, 2, 3]).pipe(Stream.rechunk(1))
const failing = numbers.pipe(Stream.concat(Stream.fail("failed")))
const interrupted = numbers.pipe(Stream.concat(Stream.never), Stream.interruptWhen(Effect.sleep(50)))
const within = Stream.groupedWithin(10, "1 second")
const ways = {
  "grouped(10)": failing.pipe(Stream.grouped(10)),
  "transduce(Sink.take(10))": failing.pipe(Stream.transduce(Sink.take(10))),
  "groupedWithin(10, 1 s)": failing.pipe(within),
  "groupedWithin(2, 1 s)": failing.pipe(Stream.groupedWithin(2, "1 second")),
  "aggregateWithin(Sink.take(10), 1 s)": failing.pipe(Stream.aggregateWithin(Sink.take(10), Schedule.spaced("1 second"))),
  groupAdjacentBy: failing.pipe(Stream.groupAdjacentBy((number) => number < 100), Stream.map(([, group]) => group)),
  "groupedWithin(10, 1 s), the source is interrupted": interrupted.pipe(within),
  "groupedWithin(10, 1 s), the failure as a value": failing.pipe(
    Stream.result,
    within,
    Stream.map((group) => group.filter(Result.isSuccess).map(({ success }) => success))
  )
}
for (const [name, stream] of Object.entries(ways)) {
  const groups = []
  await Effect.runPromise(stream.pipe(
    Stream.runForEach((group) => Effect.sync(() => groups.push(JSON.stringify(group)))),
    Effect.exit
  ))
  console.log(`${name}: ${groups.join(" ") || "nothing"}`)
}
JS
expected="grouped(10): [1,2,3]
transduce(Sink.take(10)): [1,2,3]
groupedWithin(10, 1 s): nothing
groupedWithin(2, 1 s): [1,2]
aggregateWithin(Sink.take(10), 1 s): nothing
groupAdjacentBy: nothing
groupedWithin(10, 1 s), the source is interrupted: [1,2,3]
groupedWithin(10, 1 s), the failure as a value: [1,2,3]"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
