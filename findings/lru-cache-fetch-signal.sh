#!/usr/bin/env bash
# lru-cache 11.5.3: the signal of whoever asked first ends the wait of all, and the signal of whoever asks later ends nothing.
#
# `fetch(key, { signal })` loads what is missing, once for all who ask at the same time. One expects a signal to be that of the
# caller: whoever gives up stops waiting, the others go on. But a load has one signal, that of the call that began it. When that
# one gives up, the load is aborted and all others, who gave up nothing, are rejected with an AbortError; whoever comes with a
# signal of his own while a load runs waits to its end, however long. So a request that times out fails those that had time
# left, and a time limit by `AbortSignal.timeout(n)` holds for the first caller only.
#
# Seen with Node 20 (a load takes 2 s):
#
#     the first gives up after 100 ms: AbortError, the second, without a signal: AbortError
#     the second gives up after 100 ms: still waits after 1 s, had new in the end
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lru-cache@11.5.3
cat > try.mjs << 'JS'
import { LRUCache } from "lru-cache"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const make = () =>
  new LRUCache({
    max: 10,
    fetchMethod: (_key, _old, { signal }) =>
      new Promise((resolve, reject) => {
        setTimeout(resolve, 2000, "new")
        signal.addEventListener("abort", () => reject(signal.reason))
      })
  })
const ask = (cache, signal) => {
  let seen = "still waits"
  const asked = cache.fetch("key", { signal }).then((value) => seen = value, (error) => seen = error.name)
  return { asked, seen: () => seen }
}
const abortedAfter100 = () => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 100)
  return controller.signal
}

const one = make()
const both = [ask(one, abortedAfter100()), ask(one)]
await Promise.all(both.map((it) => it.asked))
console.log(`the first gives up after 100 ms: ${both[0].seen()}, the second, without a signal: ${both[1].seen()}`)

const two = make()
const first = ask(two)
const second = ask(two, abortedAfter100())
await sleep(1000)
const meanwhile = second.seen()
await second.asked
await first.asked
console.log(`the second gives up after 100 ms: ${meanwhile} after 1 s, had ${second.seen()} in the end`)
JS
expected="the first gives up after 100 ms: AbortError, the second, without a signal: AbortError
the second gives up after 100 ms: still waits after 1 s, had new in the end"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
