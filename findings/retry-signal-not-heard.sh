#!/usr/bin/env bash
# es-toolkit 1.53.2 and radashi 12.9.6: the signal that cancels a `retry` is not heard during the delay, and radashi then tries once more.
#
# Both have a `retry` with a `delay` between the attempts and a `signal` to cancel it. A retry spends nearly all of its time in the
# delays, so one expects an abort to end the wait, and surely that nothing is begun after it. But es-toolkit looks at the signal before
# an attempt only: whoever aborts waits for the rest of the delay, and is told the error of the last attempt, as if all of them had been
# made. radashi looks at it after an attempt only: once the delay is over it makes one more, and tells of the abort when that is done,
# also if it has succeeded. So a shutdown takes as long as the delay, and radashi's does the work which it was to prevent.
#
# Seen with Node 20 (a first attempt that fails at once, a delay of 3 s, a signal that is aborted after 100 ms):
#
#     es-toolkit: after the delay, told "down", attempts: 1
#     radashi: after the delay, told "stopped", attempts: 2
#     p-retry: at once, told "stopped", attempts: 1
#
# Succeeds while this is so. What to do instead: p-retry, or a loop of one's own that waits by es-toolkit's `delay(ms, { signal })`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund es-toolkit@1.53.2 p-retry@7.1.1 radashi@12.9.6
cat > try.mjs << 'JS'
import { retry } from "es-toolkit"
import pRetry from "p-retry"
import * as radashi from "radashi"

const look = async (name, call) => {
  let attempts = 0
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error("stopped")), 100)
  const begin = Date.now()
  const told = await call(async () => {
    if (++attempts === 1) throw new Error("down")
    return "done"
  }, controller.signal).catch((error) => error.message)
  const when = Date.now() - begin < 2500 ? "at once" : "after the delay"
  console.log(`${name}: ${when}, told "${told}", attempts: ${attempts}`)
}
await look("es-toolkit", (work, signal) => retry(work, { retries: 5, delay: 3000, signal }))
await look("radashi", (work, signal) => radashi.retry({ times: 5, delay: 3000, signal }, work))
await look("p-retry", (work, signal) => pRetry(work, { retries: 5, minTimeout: 3000, maxTimeout: 3000, signal }))
JS
expected="es-toolkit: after the delay, told \"down\", attempts: 1
radashi: after the delay, told \"stopped\", attempts: 2
p-retry: at once, told \"stopped\", attempts: 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
