#!/usr/bin/env bash
# es-toolkit 1.53.2: who aborts a `retry` is told after the whole delay before the next attempt, and not that it was aborted.
#
# `retry` takes an `AbortSignal`, as `delay`, `debounce` and others of the library do, which end at once with an `AbortError`. So one
# gives it the signal of a request, or `AbortSignal.timeout(5000)` to try for five seconds at most. But the signal is only looked
# at before an attempt. With a delay of a minute (or one that grows) the program waits for up to that minute after the abort,
# and what it is then told is the failure of the last attempt: the handler that asks whether it is an `AbortError`, and the
# signal's own reason, never see it. A success that comes after the abort is a success.
#
# Seen with Node 20 (a delay of 3 s, aborted after a tenth of a second):
#
#     delay: The operation was aborted, at once
#     retry: no connection, after the 3 s; attempts: 1
#     aborted while it is tried: done
#
# Succeeds while this is so. What to do instead: race it with the signal, or a `delay` function that waits no longer.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund es-toolkit@1.53.2
cat > try.mjs << 'JS'
import { delay, retry } from "es-toolkit"

const look = async (work) => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 100)
  const since = performance.now()
  const said = await work(controller.signal).catch((error) => error.message)
  return `${said}, ${performance.now() - since < 2500 ? "at once" : "after the 3 s"}`
}
console.log("delay:", await look((signal) => delay(3000, { signal })))
let attempts = 0
const fails = async () => {
  attempts++
  throw new Error("no connection")
}
console.log(`retry: ${await look((signal) => retry(fails, { retries: 5, delay: 3000, signal }))}; attempts: ${attempts}`)
const slow = () => new Promise((resolve) => setTimeout(resolve, 500, "done"))
console.log("aborted while it is tried:", (await look((signal) => retry(slow, { signal }))).split(",")[0])
JS
expected="delay: The operation was aborted, at once
retry: no connection, after the 3 s; attempts: 1
aborted while it is tried: done"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
