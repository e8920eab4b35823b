#!/usr/bin/env bash
# Node 20.20.2, 22.19.0, 24.21.0 and 26.10.0: the signal that `Readable.map`, `filter` and `flatMap` give to their function is never aborted.
#
# They call the function with `{ signal }`, "aborted if the stream is destroyed allowing to abort the `fn` call early". So one hands it on
# to `fetch` or a query, and expects what is at work to be ended when the stream is over before its end: one of those that run beside
# it has failed, the loop was left, `take` has enough, or `destroy()` was called. In none of these cases is it. It is only the
# caller's own `signal` under another name, and without one it never changes. With `concurrency: 10`, nine requests go on after
# the failure of one, and what they do is done, after the caller has been told and has perhaps begun once more.
#
# Seen on each of them (three items at once; the first is over soon, the others take half a second):
#
#     one of them fails: told of the abort: 0, worked to the end: 2
#     the loop is left: told of the abort: 0, worked to the end: 2
#     take(1): told of the abort: 0, worked to the end: 2
#     destroy(): told of the abort: 0, worked to the end: 2
#     the caller's own signal: told of the abort: 3
#
# Succeeds while this is so. What to do instead: an AbortController of one's own, given as `signal` and aborted in a `finally`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > try.mjs << 'JS'
import { Readable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"

const ways = {
  "one of them fails": (stream) => stream.toArray(),
  "the loop is left": async (stream) => {
    for await (const _ of stream) break
  },
  "take(1)": (stream) => stream.take(1).toArray(),
  "destroy()": async (stream) => {
    await stream[Symbol.asyncIterator]().next()
    stream.destroy()
  },
  "the caller's own signal": (stream, controller) => {
    setTimeout(() => controller.abort(), 50)
    return stream.toArray()
  }
}
const look = async ([name, way]) => {
  const controller = new AbortController()
  const own = name === "the caller's own signal"
  let told = 0
  let ended = 0
  const work = async (item, { signal }) => {
    signal.addEventListener("abort", () => told++)
    await sleep(item === 1 && !own ? 10 : 500)
    if (item === 1 && name === "one of them fails") throw new Error("down")
    if (item > 1) ended++
    return item
  }
  const stream = Readable.from([1, 2, 3]).map(work, { concurrency: 3, ...(own && { signal: controller.signal }) })
  await way(stream, controller).catch(() => {})
  await sleep(1500)
  return `${name}: told of the abort: ${told}${own ? "" : `, worked to the end: ${ended}`}`
}
console.log((await Promise.all(Object.entries(ways).map(look))).join("\n"))
JS
expected="one of them fails: told of the abort: 0, worked to the end: 2
the loop is left: told of the abort: 0, worked to the end: 2
take(1): told of the abort: 0, worked to the end: 2
destroy(): told of the abort: 0, worked to the end: 2
the caller's own signal: told of the abort: 3"
for node in node20 node22 node24 node26; do
  seen=$("node_modules/$node/bin/node" try.mjs)
  echo "$node"
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
