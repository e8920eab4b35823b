#!/usr/bin/env bash
# perfect-debounce 2.1.0: with `leading: true` only the first call is made, and what the last one had to say is lost.
#
# `leading` adds a call at the beginning, "to avoid initial wait"; `trailing` is on by default, and one expects the last of several
# calls to be made at the end, with its arguments, as lodash's debounce does: that is what a save must not miss. But where there was
# a call at the beginning, the time to wait ends with its result for all who called meanwhile, and their arguments are dropped,
# whether the first call is done by then or not. Nothing tells them: they are answered as if they had been saved.
#
# Seen with Node 20 (calls with 1, 2 and 3 within the time to wait; those that were made):
#
#     perfect-debounce, a save of 0 ms: made with 1; the last caller was told "saved 1"
#     perfect-debounce, a save of 200 ms: made with 1; the last caller was told "saved 1"
#     lodash.debounce, a save of 0 ms: made with 1, 3; the last caller was told "saved 1"
#
# Succeeds while this is so. (What a caller in between is told is that of the first one everywhere.)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund perfect-debounce@2.1.0 lodash.debounce@4.0.8
cat > try.mjs << 'JS'
import lodash from "lodash.debounce"
import { debounce } from "perfect-debounce"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (name, debounced, ms, options) => {
  const made = []
  const save = debounced(async (value) => {
    made.push(value)
    if (ms > 0) await sleep(ms)
    return `saved ${value}`
  }, 100, options)
  save(1)
  await sleep(20)
  save(2)
  await sleep(20)
  const told = save(3)
  await sleep(400)
  console.log(`${name}, a save of ${ms} ms: made with ${made.join(", ")}; the last caller was told "${await told}"`)
}
await look("perfect-debounce", debounce, 0, { leading: true })
await look("perfect-debounce", debounce, 200, { leading: true })
await look("lodash.debounce", lodash, 0, { leading: true })
JS
expected="perfect-debounce, a save of 0 ms: made with 1; the last caller was told \"saved 1\"
perfect-debounce, a save of 200 ms: made with 1; the last caller was told \"saved 1\"
lodash.debounce, a save of 0 ms: made with 1, 3; the last caller was told \"saved 1\""
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
