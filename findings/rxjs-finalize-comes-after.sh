#!/usr/bin/env bash
# rxjs 7.8.2: what follows the last value of a stream begins before the stream has run its `finalize`, so a lock is refused to its owner.
#
# `finalize` is where a stream gives back what it holds, and `concat` and `concatMap` subscribe to the next stream when the one before
# it is over and has given back. One expects the same of "take the result of this, and then do that": `toArray`, `reduce`, `last`,
# `first` or `take(1)` before a `concatMap` or `switchMap`. But these hand on their value first, and end afterwards: what comes next
# is subscribed to in the middle of it, while the source still holds its lock. With a lock that is tried, as a lock file is, the
# second step is refused by the first, each time. `repeat` or `concat` of a shared stream (`share()`) does so as well, where the
# same without `share()` does not.
#
# Seen with Node 20 (two steps that each take the same lock file and remove it in `finalize`):
#
#     both done: concat, concatMap, repeat
#     EEXIST: toArray, reduce, last, first, take(1), share and repeat, share and concat
#
# Succeeds while this is so. What to do instead: `await lastValueFrom(step)`, which is answered after `finalize`, or `delay(0)`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rxjs@7.8.2
cat > try.mjs << 'JS'
import { closeSync, openSync, rmSync } from "node:fs"
import * as Rx from "rxjs"

const step = () =>
  Rx.defer(() => {
    closeSync(openSync("lock", "wx"))
    return Rx.timer(5).pipe(Rx.finalize(() => rmSync("lock")))
  })
const shared = () => step().pipe(Rx.share())
const twice = (it) => Rx.concat(it, it)
const ways = {
  concat: () => Rx.concat(step(), step()),
  concatMap: () => Rx.of(1, 2).pipe(Rx.concatMap(step)),
  repeat: () => step().pipe(Rx.repeat(2)),
  toArray: () => step().pipe(Rx.toArray(), Rx.concatMap(step)),
  reduce: () => step().pipe(Rx.reduce((all) => all), Rx.switchMap(step)),
  last: () => step().pipe(Rx.last(), Rx.concatMap(step)),
  first: () => step().pipe(Rx.first(), Rx.concatMap(step)),
  "take(1)": () => step().pipe(Rx.take(1), Rx.switchMap(step)),
  "share and repeat": () => shared().pipe(Rx.repeat(2)),
  "share and concat": () => twice(shared())
}
const outcomes = { "both done": [], EEXIST: [] }
for (const [name, way] of Object.entries(ways)) {
  outcomes[await Rx.lastValueFrom(way()).then(() => "both done", (error) => error.code)].push(name)
}
for (const [outcome, names] of Object.entries(outcomes)) console.log(`${outcome}: ${names.join(", ")}`)
JS
expected="both done: concat, concatMap, repeat
EEXIST: toArray, reduce, last, first, take(1), share and repeat, share and concat"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
