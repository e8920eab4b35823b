#!/usr/bin/env bash
# Node 20.20.2, 22.19.0, 24.21.0 and 26.10.0: a stream over a generator is over before the generator has cleaned up, and keeps the failure of that to itself.
#
# A generator gives back what it holds in its `finally`. A `for await` that is left waits for that, and is told when it fails, so that
# whoever comes next finds the lock, the cursor or the file given back. One expects the same with a stream in between, made of it by
# `Readable.from` for the sake of `map` with a `concurrency`, `take` or `find`. The stream does close the generator, but nobody waits
# for it: the loop or the call is over at once, what follows begins beside the cleanup, and meets the lock still held. And
# when the cleanup fails, as a transaction that cannot be rolled back does, nothing is told, and nothing is unhandled.
#
# Seen on each of them (the `finally` of a generator takes 300 ms and fails; it is left after its first item):
#
#     for await over the generator: over after the cleanup, told "cleanup"
#     pipeline with a function: over after the cleanup, told "cleanup"
#     for await over a Readable: over before the cleanup, told nothing
#     take(1): over before the cleanup, told nothing
#     find: over before the cleanup, told nothing
#     Readable.toWeb: over before the cleanup, told nothing
#
# Succeeds while this is so. What to do instead: `pipeline` with a function that reads, or `await stream[Symbol.asyncDispose]()` after it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > try.mjs << 'JS'
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"

const leave = async (items) => {
  for await (const _ of items) break
}
const ways = {
  "for await over the generator": (items) => leave(items),
  "pipeline with a function": (items) => pipeline(items, leave),
  "for await over a Readable": (items) => leave(Readable.from(items)),
  "take(1)": (items) => Readable.from(items).take(1).toArray(),
  find: (items) => Readable.from(items).find(() => true),
  "Readable.toWeb": (items) => leave(Readable.toWeb(Readable.from(items)))
}
for (const [name, way] of Object.entries(ways)) {
  let cleaned = false
  async function* items() {
    try {
      for (let i = 1; i <= 100; i++) {
        yield i
        await sleep(10)
      }
    } finally {
      await sleep(300)
      cleaned = true
      throw new Error("cleanup")
    }
  }
  const told = await way(items()).then(() => "nothing", (error) => `"${error.message}"`)
  const when = cleaned ? "after" : "before"
  await sleep(700)
  if (!cleaned) throw new Error(`${name} has not cleaned up at all`)
  console.log(`${name}: over ${when} the cleanup, told ${told}`)
}
JS
expected="for await over the generator: over after the cleanup, told \"cleanup\"
pipeline with a function: over after the cleanup, told \"cleanup\"
for await over a Readable: over before the cleanup, told nothing
take(1): over before the cleanup, told nothing
find: over before the cleanup, told nothing
Readable.toWeb: over before the cleanup, told nothing"
for node in node20 node22 node24 node26; do
  seen=$("node_modules/$node/bin/node" try.mjs)
  echo "$node"
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
