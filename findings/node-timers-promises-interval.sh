#!/usr/bin/env bash
# Node 20.20.2, 22.19.0 and 24.21.0: the interval of `timers/promises` makes up for every tick that was missed, at once.
#
# `for await (const _ of setInterval(100))` reads as "every 100 ms, one after the other", and one expects of a turn that takes
# a second what the `setInterval` of old does when the program is busy for a second: the missed ticks become one. But the
# ticks are counted while the body waits, and handed out one by one as fast as it asks. Nine turns follow within one
# hundredth of a second, after which the rhythm goes on as before. A lock that is renewed, or a server that is asked, in such a
# loop gets a burst after each slow answer, which is when it can least bear it.
#
# What to do instead: `setTimeout` of the same module, in a loop.
#
# Seen on each of them (a turn of 1,000 ms, then turns that end at once):
#
#     an interval of 100 ms: the slow turn is followed by 9 or more turns within 50 ms
#     the setInterval of old, after a second in which the program was busy: by 2 at most
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0
cat > try.mjs << 'JS'
import { setInterval as every, setTimeout as sleep } from "node:timers/promises"

let first, burst = 0, turns = 0
for await (const _ of every(100)) {
  if (turns++ === 0) {
    await sleep(1000)
    first = performance.now()
  } else if (performance.now() - first < 50) burst++
  else break
}
let after, old = 0
await new Promise((resolve) => {
  const timer = setInterval(() => {
    if (after === undefined) {
      const until = performance.now() + 1000
      while (performance.now() < until);
      after = performance.now()
    } else if (performance.now() - after < 50) old++
    else resolve(clearInterval(timer))
  }, 100)
})
console.log(`${process.version}: ${burst}, and with the setInterval of old ${old}`)
process.exitCode = burst >= 8 && old <= 2 ? 0 : 1
JS
for name in node20 node22 node24; do
  "node_modules/$name/bin/node" try.mjs || { echo "changed"; exit 1; }
done
