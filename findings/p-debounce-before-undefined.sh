#!/usr/bin/env bash
# p-debounce 5.1.1: with `before: true`, callers are given `undefined` where the first call takes longer than `wait`, or fails.
#
# With `before` the function is called at once, and whoever calls again within `wait` does not call it a second time. By its
# types each caller gets what the function gives, and one expects those later ones to share the first one's result, as they do
# when it is there in time. But they are not tied to the first call, only to the timer: when `wait` is over they get what is in
# hand then. If the call still runs, that is `undefined`; if it failed, it is `undefined` too, as a success, and only the first
# caller hears of the error. So the faster the wait and the slower the server, the more callers go on with nothing.
#
# Seen with Node 20 (three callers at once):
#
#     wait 500 ms, takes 50 ms: 7, 7, 7
#     wait 50 ms, takes 500 ms: 7, undefined, undefined
#     wait 500 ms, fails: error, undefined, undefined
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-debounce@5.1.1
cat > try.mjs << 'JS'
import pDebounce from "p-debounce"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const three = async (name, load, wait) => {
  const debounced = pDebounce(load, wait, { before: true })
  const seen = await Promise.all([1, 2, 3].map(() => debounced().catch(() => "error")))
  console.log(`${name}: ${seen.map(String).join(", ")}`)
}
await three("wait 500 ms, takes 50 ms", () => sleep(50).then(() => 7), 500)
await three("wait 50 ms, takes 500 ms", () => sleep(500).then(() => 7), 50)
await three("wait 500 ms, fails", () => sleep(50).then(() => Promise.reject(new Error("no"))), 500)
JS
expected="wait 500 ms, takes 50 ms: 7, 7, 7
wait 50 ms, takes 500 ms: 7, undefined, undefined
wait 500 ms, fails: error, undefined, undefined"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
