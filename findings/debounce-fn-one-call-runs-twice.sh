#!/usr/bin/env bash
# debounce-fn 7.0.0: with `before: true`, one call runs the function twice, at once and once more when the interval is over.
#
# "Trigger the function on the leading edge of the wait interval" (`before`) is for a button that must not act twice: the first click acts, those that
# follow at once do not. With lodash and others (`leading: true`) what comes at the end of the interval is only done if there was
# another call in it. Here `after` is on by itself, and does the single call over again when the interval is over: an order is
# placed at the click, and once more a second later.
#
# Seen with Node 24 (an interval of 100 ms, and a single call):
#
#     debounce-fn, before: ran 2 times
#     es-toolkit, leading: ran 1 time
#     lodash, leading: ran 1 time
#     debounce-fn, before and not after: ran 1 time
#
# Succeeds while this is so. What to do instead: `after: false` beside `before: true`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund debounce-fn@7.0.0 es-toolkit@1.53.2 lodash@4.17.21
cat > try.mjs << 'JS'
import debounceFunction from "debounce-fn"
import { debounce as compat } from "es-toolkit/compat"
import lodash from "lodash"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const ways = {
  "debounce-fn, before": (run) => debounceFunction(run, { wait: 100, before: true }),
  "es-toolkit, leading": (run) => compat(run, 100, { leading: true }),
  "lodash, leading": (run) => lodash.debounce(run, 100, { leading: true }),
  "debounce-fn, before and not after": (run) => debounceFunction(run, { wait: 100, before: true, after: false })
}
for (const [name, make] of Object.entries(ways)) {
  let runs = 0
  make(() => runs++)()
  await sleep(300)
  console.log(`${name}: ran ${runs} time${runs === 1 ? "" : "s"}`)
}
JS
expected="debounce-fn, before: ran 2 times
es-toolkit, leading: ran 1 time
lodash, leading: ran 1 time
debounce-fn, before and not after: ran 1 time"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
