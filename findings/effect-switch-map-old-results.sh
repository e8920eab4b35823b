#!/usr/bin/env bash
# effect 4.1.0: `Stream.switchMap` gives up to 16 results of the old stream after it has switched to the new one.
#
# One switches so that what belongs to the old is not seen any more: the answers to the last letter typed, the rows of the
# tenant that is selected, what the leader of the last term has said. "Switching to the latest stream, interrupting the previous
# stream when a new element arrives." So after the switch one expects results of the new stream alone, as with `switchMap` of
# RxJS. The old stream is interrupted, but between it and the reader there is a buffer of 16, which is not emptied: a reader that
# is a bit slow is given all that the old one had put there, after the new one has begun. Tests, whose readers are fast, see none.
#
# Seen with Node 20 (the reader is busy with a1 while the old stream gives more, and the switch is made):
#
#     by default: a1, switched, a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15 a16 a17 b1 b2
#     bufferSize 1: a1, switched, a2 b1 b2
#     bufferSize 0: a1, switched, b1 b2
#
# Succeeds while this is so. What to do instead: `{ bufferSize: 0 }`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Deferred, Effect, Queue, Stream } from "effect"

const switches = (options) =>
  Effect.gen(function*() {
    const seen = []
    const keys = yield* Queue.unbounded()
    const switched = yield* Deferred.make()
    const results = (key) => {
      if (key === "b") {
        seen.push("switched,")
        Deferred.doneUnsafe(switched, Effect.void)
      }
      return Stream.range(1, key === "a" ? 100 : 2).pipe(
        Stream.rechunk(1),
        Stream.map((n) => `${key}${n}`),
        Stream.concat(Stream.never)
      )
    }
    yield* Queue.offer(keys, "a")
    yield* Stream.fromQueue(keys).pipe(
      Stream.switchMap(results, options),
      Stream.takeUntil((result) => result === "b2"),
      Stream.runForEach((result) =>
        Effect.gen(function*() {
          seen.push(result === "a1" ? "a1," : result)
          if (result !== "a1") return
          // The old stream gives what there is room for.
          for (let turn = 0; turn < 1000; turn++) yield* Effect.yieldNow
          yield* Queue.offer(keys, "b")
          yield* Deferred.await(switched)
          for (let turn = 0; turn < 1000; turn++) yield* Effect.yieldNow
        })
      )
    )
    return seen.join(" ")
  })
console.log(`by default: ${await Effect.runPromise(switches({}))}`)
console.log(`bufferSize 1: ${await Effect.runPromise(switches({ bufferSize: 1 }))}`)
console.log(`bufferSize 0: ${await Effect.runPromise(switches({ bufferSize: 0 }))}`)
JS
expected="by default: a1, switched, a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15 a16 a17 b1 b2
bufferSize 1: a1, switched, a2 b1 b2
bufferSize 0: a1, switched, b1 b2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
