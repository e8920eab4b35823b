#!/usr/bin/env bash
# es-toolkit 1.53.2: a throttled function runs twice within a millisecond, and what came last waits for up to twice its time.
#
# A function that is throttled to 100 ms "only invokes the provided function at most once per every `throttleMs` milliseconds",
# at the beginning and at the end of the time, as with lodash, whose place es-toolkit takes: two runs are never nearer than
# that, and what was called last is not older than that when it is done. Here the throttle is a debounce underneath. Each call
# within the time puts its end off, so that a call at 99 is done at 199 and not at 100. And when that run is over, the next call
# counts as the first one after a pause: it runs at once, one millisecond later. `es-toolkit/compat`, which is to behave like
# lodash, does the same. So a limit that a server has set is passed, and a last value shown late.
#
# Seen with lodash 4.17.21, remeda 2.62.2, throttle-debounce 5.0.2, Node 20 (the clock is mocked; calls at 0, 99, 200 and 1000,
# 1001, 1099, 1200; the times at which the function runs):
#
#     lodash: 0 100 200 1000 1100 1200
#     throttle-debounce: 0 100 200 1000 1100 1200
#     remeda, funnel: 0 100 200 1000 1100 1200
#     es-toolkit: 0 199 200 1000 1199 1200
#     es-toolkit/compat: 0 199 200 1000 1199 1200
#
# Succeeds while this is so. What to do instead: `throttle` of one of the others.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund es-toolkit@1.53.2 lodash@4.17.21 remeda@2.62.2 throttle-debounce@5.0.2 \
  @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { throttle } from "es-toolkit"
import { throttle as compatThrottle } from "es-toolkit/compat"
import lodash from "lodash"
import { funnel } from "remeda"
import { throttle as throttleDebounce } from "throttle-debounce"

const throttles = {
  "lodash": (run) => lodash.throttle(run, 100),
  "throttle-debounce": (run) => throttleDebounce(100, run),
  "remeda, funnel": (run) => funnel(run, { minGapMs: 100, triggerAt: "both" }).call,
  "es-toolkit": (run) => throttle(run, 100),
  "es-toolkit/compat": (run) => compatThrottle(run, 100)
}
for (const [name, make] of Object.entries(throttles)) {
  const clock = FakeTimers.install({ now: 1_000_000 })
  const times = []
  const call = make(() => times.push(Date.now() - 1_000_000))
  for (const time of [0, 99, 200, 1000, 1001, 1099, 1200]) {
    clock.tick(1_000_000 + time - Date.now())
    call()
  }
  clock.tick(1000)
  clock.uninstall()
  console.log(`${name}: ${times.join(" ")}`)
}
JS
expected="lodash: 0 100 200 1000 1100 1200
throttle-debounce: 0 100 200 1000 1100 1200
remeda, funnel: 0 100 200 1000 1100 1200
es-toolkit: 0 199 200 1000 1199 1200
es-toolkit/compat: 0 199 200 1000 1199 1200"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
