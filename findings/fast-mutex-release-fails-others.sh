#!/usr/bin/env bash
# fast-mutex 1.0.2: releasing one key makes the waits for all others fail at once, "within 5000ms", and a dead tab holds on for ten.
#
# One object locks keys in `localStorage`, for the tabs of a site, and one expects its keys to have nothing to do with each other.
# But when a wait began is remembered once for the object, and `release` sets it back, to nothing: all who wait for another key
# have waited since 1970 then, and are told that they could not have it in time. And `timeout`, "the maximum time a lock can
# be held" and also how long is waited, is added twice to the end of a lock: that of a tab that is gone ends after two of them.
# So all who ask while the first of them goes by are refused, where one expects to get the lock when it is over.
#
# Seen with Node 20 (a `localStorage` in memory, a timeout of one second):
#
#     waits for b, when a is released 0.1 s later: Lock could not be acquired within 1000ms, after 0.1 s
#     waits for c, whose tab was closed 0.5 s before: Lock could not be acquired within 1000ms, after 1.0 s
#     waits once more: has it, 2.0 s after it was taken
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund fast-mutex@1.0.2
cat > try.mjs << 'JS'
import FastMutex from "fast-mutex"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const items = new Map()
const localStorage = {
  getItem: (key) => items.get(key) ?? null,
  setItem: (key, value) => void items.set(key, value),
  removeItem: (key) => void items.delete(key)
}
const tab = () => new FastMutex({ localStorage, timeout: 1000 })
const since = (begin) => `${((Date.now() - begin) / 1000).toFixed(1)} s`
const said = (promise) => promise.then(() => "has it", (error) => error.message)

const [here, there] = [tab(), tab()]
await there.lock("b")
await here.lock("a")
const begin = Date.now()
const waiting = said(here.lock("b"))
await sleep(100)
await here.release("a")
console.log(`waits for b, when a is released 0.1 s later: ${await waiting}, after ${since(begin)}`)

const taken = Date.now()
await tab().lock("c")
await sleep(500)
const asked = Date.now()
console.log(`waits for c, whose tab was closed 0.5 s before: ${await said(here.lock("c"))}, after ${since(asked)}`)
console.log(`waits once more: ${await said(here.lock("c"))}, ${since(taken)} after it was taken`)
JS
expected="waits for b, when a is released 0.1 s later: Lock could not be acquired within 1000ms, after 0.1 s
waits for c, whose tab was closed 0.5 s before: Lock could not be acquired within 1000ms, after 1.0 s
waits once more: has it, 2.0 s after it was taken"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
