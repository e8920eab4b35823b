#!/usr/bin/env bash
# p-event 7.1.1: a loop over the events of an emitter that fails ends as if all had come, without the last one and without the error.
#
# `for await (const event of pEventIterator(emitter, "data"))` is told of what happens while its body is at work: events wait, and an "error", or the
# abort of its signal, "rejects the iterator". One expects the events that came before it, and then the error, as with `on` of
# `node:events`. And while nothing waits, it is so. But if events wait when the error comes, the last one of them is given with `done: true`,
# which a loop takes for its end: that event is not seen, `next()` is not called again, and the error that waits there is told to nobody.
# A copy that broke off is complete.
#
# Seen with Node 20 (three events, then the error, while the first one is worked on):
#
#     an error: seen 1 2, then the loop ended
#     an abort: seen 1 2, then the loop ended
#     an error after the loop has seen them all: seen 1 2 3, then failed: lost
#     `on` of node:events, an error: seen 1 2 3, then failed: lost
#
# Succeeds while this is so. What to do instead: `on` of `node:events`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-event@7.1.1
cat > try.mjs << 'JS'
import { EventEmitter, on } from "node:events"
import { setImmediate } from "node:timers/promises"
import { pEventIterator } from "p-event"

const look = async (words, make, end, late = false) => {
  const emitter = new EventEmitter()
  const controller = new AbortController()
  const iterator = make(emitter, controller.signal)
  const seen = []
  let goOn
  const busy = new Promise((done) => goOn = done)
  const loop = (async () => {
    try {
      for await (const event of iterator) {
        seen.push([event].flat()[0])
        await busy
      }
      return "the loop ended"
    } catch (error) {
      return `failed: ${error.message}`
    }
  })()
  await setImmediate()
  for (const event of [1, 2, 3]) emitter.emit("data", event)
  await setImmediate()
  if (late) {
    goOn()
    await setImmediate()
  }
  end(emitter, controller)
  goOn()
  console.log(`${words}: seen ${(await loop, seen).join(" ")}, then ${await loop}`)
}
const fail = (emitter) => emitter.emit("error", new Error("lost"))
const abort = (_, controller) => controller.abort(new Error("aborted"))
const events = (emitter, signal) => pEventIterator(emitter, "data", { signal })
await look("an error", events, fail)
await look("an abort", events, abort)
await look("an error after the loop has seen them all", events, fail, true)
await look("`on` of node:events, an error", (emitter) => on(emitter, "data"), fail)
JS
expected="an error: seen 1 2, then the loop ended
an abort: seen 1 2, then the loop ended
an error after the loop has seen them all: seen 1 2 3, then failed: lost
\`on\` of node:events, an error: seen 1 2 3, then failed: lost"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
