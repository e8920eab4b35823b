#!/usr/bin/env bash
# memoizee 0.4.17: with `preFetch`, a good value is thrown away when its last third begins, and callers wait, and fail, though it is still good.
#
# `preFetch` is there so that nobody waits for a value that has run out: who asks in the last third of `maxAge` is given the value, and
# it is loaded anew behind that one's back. So one expects the old value to be given until the new one is there, or until its time is over. But
# it is deleted before the new load begins. All who ask during that load wait for it, as if nothing were there; and if it fails, so do they,
# while a cache without `preFetch` would have had the value for a good while. A source that is down for a moment shows a third sooner.
#
# Seen with Node 24 (`maxAge` is 3 s, a load takes 300 ms; the source is down from 2 s on):
#
#     without preFetch: at 2.2 s a value, at 2.3 s a value, at 2.7 s a value
#     with preFetch: at 2.2 s a value, at 2.3 s failed after a wait, at 2.7 s failed after a wait
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund memoizee@0.4.17
cat > try.mjs << 'JS'
import memoize from "memoizee"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const seen = async (name, options) => {
  let down = false
  const get = memoize(async () => {
    await sleep(300)
    if (down) throw new Error("down")
    return "value"
  }, { promise: true, maxAge: 3000, ...options })
  await get()
  const from = performance.now()
  const at = async (seconds) => {
    await sleep(seconds * 1000 - (performance.now() - from))
    const asked = performance.now()
    const answer = await get().then(() => "a value", () => "failed")
    return `at ${seconds} s ${answer}${performance.now() - asked > 100 ? " after a wait" : ""}`
  }
  await sleep(2000)
  down = true
  const answers = [await at(2.2), await at(2.3), await at(2.7)]
  console.log(`${name}: ${answers.join(", ")}`)
}
await seen("without preFetch", {})
await seen("with preFetch", { preFetch: true })
JS
expected="without preFetch: at 2.2 s a value, at 2.3 s a value, at 2.7 s a value
with preFetch: at 2.2 s a value, at 2.3 s failed after a wait, at 2.7 s failed after a wait"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
