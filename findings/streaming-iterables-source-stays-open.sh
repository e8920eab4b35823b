#!/usr/bin/env bash
# streaming-iterables 8.0.1: whoever leaves a loop over `parallelMap`, `transform`, `buffer` or `merge` leaves the source open for good.
#
# The source of such a chain is often something that is held: a cursor, a lock, a file that is read by lines. It gives that back in its
# `finally`, which JavaScript runs when the loop is left by `break`, by an error or by `return`; one expects each step of the chain to
# hand that on to the step before it, as the package's own `map`, `filter` and `batch` do, and it-parallel and the streams of Node with
# a `concurrency`. The steps that work ahead pull from the source by hand, and never end it. So what looks like a change for speed,
# from `map` to `parallelMap`, keeps the connection or the lock of each loop that ended early, until the process ends.
#
# Seen with Node 20 (each over a source of 20 items, left after two of them; looked at 200 ms later):
#
#     closed: map, filter, batch, it-parallel, Readable.map
#     open: parallelMap, transform, flatTransform, buffer, merge, parallelMerge
#
# Succeeds while this is so. What to do instead: `using`, or a `try` with `finally`, around the loop, and not in the source.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund streaming-iterables@8.0.1 it-parallel@3.0.16
cat > try.mjs << 'JS'
import parallel from "it-parallel"
import { Readable } from "node:stream"
import * as si from "streaming-iterables"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const work = async (item) => {
  await sleep(10)
  return item
}
async function* tasks(source) {
  for await (const item of source) yield () => work(item)
}
const steps = {
  map: (source) => si.map(work, source),
  filter: (source) => si.filter(work, source),
  batch: (source) => si.batch(1, source),
  "it-parallel": (source) => parallel(tasks(source), { concurrency: 3 }),
  "Readable.map": (source) => Readable.from(source).map(work, { concurrency: 3 }),
  parallelMap: (source) => si.parallelMap(3, work, source),
  transform: (source) => si.transform(3, work, source),
  flatTransform: (source) => si.flatTransform(3, work, source),
  buffer: (source) => si.buffer(3, source),
  merge: (source) => si.merge(source),
  parallelMerge: (source) => si.parallelMerge(source)
}
const outcome = { closed: [], open: [] }
for (const [name, step] of Object.entries(steps)) {
  let open = true
  async function* source() {
    try {
      for (let i = 1; i <= 20; i++) {
        yield i
        await sleep(1)
      }
    } finally {
      open = false
    }
  }
  let got = 0
  for await (const _ of step(source())) if (++got === 2) break
  await sleep(200)
  outcome[open ? "open" : "closed"].push(name)
}
for (const [how, names] of Object.entries(outcome)) console.log(`${how}: ${names.join(", ")}`)
JS
expected="closed: map, filter, batch, it-parallel, Readable.map
open: parallelMap, transform, flatTransform, buffer, merge, parallelMerge"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
