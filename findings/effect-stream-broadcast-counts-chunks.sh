#!/usr/bin/env bash
# effect 4.1.0: `Stream.broadcast` with `replay: 1` gives who comes late a thousand values, and with `capacity: 2` it keeps a thousand.
#
# `replay` is how many of the last values somebody who comes later is given, and `capacity` how many wait for who is slow: `buffer` counts
# values, and a `PubSub` does, and these are said to be the settings of one. So one expects `replay: 1` to be the last value, and
# `dropping` or `sliding` with a `capacity` of 2 to keep two. But what `broadcast`, `broadcastN` and `share` count is the chunks in which
# the source happens to give its values. So the same program has another meaning behind a `range`, a file or a query, which give thousands
# at once, than behind a queue or a timer that give one: the newest value is the oldest of a thousand, and a bound is none.
#
# Seen (a source of 1000 values; in the second line each value in a chunk of its own):
#
#     as it comes: replay of 1: 1000, the first of them: 1; capacity of 2: 1000
#     one by one: replay of 1: 1, the first of them: 1000; capacity of 2: 2
#
# Succeeds while this is so. What to do instead: `Stream.rechunk(1)` before it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Stream } from "effect"

const look = (words, chunks) =>
  Effect.scoped(Effect.gen(function*() {
    const source = Stream.range(1, 1000).pipe(chunks, Stream.concat(Stream.never))
    const read = (stream) => Stream.runCollect(Stream.interruptWhen(stream, Effect.sleep("500 millis")))
    const replayed = yield* Stream.broadcast(source, { capacity: "unbounded", replay: 1 })
    const [dropping] = yield* Stream.broadcastN(source, { n: 1, capacity: 2, strategy: "dropping" })
    yield* Effect.sleep("300 millis")
    const late = yield* read(replayed)
    const kept = yield* read(dropping)
    console.log(`${words}: replay of 1: ${late.length}, the first of them: ${late[0]}; capacity of 2: ${kept.length}`)
  }))
await Effect.runPromise(look("as it comes", (source) => source))
await Effect.runPromise(look("one by one", Stream.rechunk(1)))
JS
expected="as it comes: replay of 1: 1000, the first of them: 1; capacity of 2: 1000
one by one: replay of 1: 1, the first of them: 1000; capacity of 2: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
