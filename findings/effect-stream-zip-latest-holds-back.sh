#!/usr/bin/env bash
# effect 4.1.0: `Stream.zipLatest` gives the first value of a stream when the other one begins, and not the latest, and stops the stream until then.
#
# `zipLatest` gives "each new element with the latest value from the other stream", and nothing before both have one: as `combineLatest`
# of RxJS, of which one expects that, if five prices have come before the first rate, the rate is given with the fifth. But a stream that
# has given its first value is not asked for another until the other one begins: its first value is what the rate is given with, and all
# that have become old meanwhile follow, one by one. Where the source is a queue or a socket, they gather there, and a slow other side
# makes for a pile of pairs that never were.
#
# Seen (prices 1 to 5, one per 20 ms, and a rate after 300 ms):
#
#     zipLatest: 1 EUR, 2 EUR, 3 EUR, 4 EUR, 5 EUR
#     combineLatest: 5 EUR
#
# Succeeds while this is so. What to do instead: a `SubscriptionRef` for each side that is read when a pair is needed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 rxjs@7.8.2
cat > try.mjs << 'JS'
import { Effect, Stream } from "effect"
import { combineLatest, concatMap, delay, firstValueFrom, from, of, timer, toArray } from "rxjs"

const show = (name, pairs) => console.log(`${name}: ${pairs.map((pair) => pair.join(" ")).join(", ")}`)
const prices = Stream.range(1, 5).pipe(
  Stream.rechunk(1),
  Stream.mapEffect((price) => Effect.delay(Effect.succeed(price), "20 millis"))
)
const rate = Stream.fromEffect(Effect.delay(Effect.succeed("EUR"), "300 millis"))
show("zipLatest", await Effect.runPromise(Stream.runCollect(Stream.zipLatest(prices, rate))))
show(
  "combineLatest",
  await firstValueFrom(
    combineLatest([
      from([1, 2, 3, 4, 5]).pipe(concatMap((price) => of(price).pipe(delay(20)))),
      timer(300).pipe(concatMap(() => of("EUR")))
    ]).pipe(toArray())
  )
)
JS
expected="zipLatest: 1 EUR, 2 EUR, 3 EUR, 4 EUR, 5 EUR
combineLatest: 5 EUR"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
