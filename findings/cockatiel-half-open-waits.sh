#!/usr/bin/env bash
# cockatiel 4.0.0: while a circuit breaker is half open, all callers wait for the call that is tried, whatever their own limits say.
#
# A breaker is there to fail at once while a service is down. When it is half open, one call is let through to see whether the
# service is back, and one expects the others to be refused until that is known, as in opossum 10.0.0 and others. Here they
# wait for it, and go on by what came of it. The one that is tried is the one that meets the service as it was when the breaker
# opened, so that it takes as long as such a call can take, and every call that comes meanwhile takes as long. Their
# abort signals are not looked at: a limit of 100 ms is over after two seconds, when the call that was tried has failed (with
# "the circuit is open", not "aborted"). If that one never ends, none of them does, and the breaker is never closed nor opened.
#
# Seen with Node 20 (the call that is tried takes 2 s and fails; one that comes at once after it has a signal of 100 ms):
#
#     cockatiel: told BrokenCircuitError, after 2.0 s
#     opossum: told EOPENBREAKER, after 0.0 s
#
# Succeeds while this is so. What to do instead: a time limit inside the breaker, so that what is tried ends soon, and an aggressive
# `timeout` around it for those who wait.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cockatiel@4.0.0 opossum@10.0.0
cat > try.mjs << 'JS'
import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel"
import CircuitBreaker from "opossum"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const down = async (ms) => {
  await sleep(ms)
  throw new Error("down")
}
const look = async (name, call) => {
  await call(0, undefined).catch(() => {})
  await sleep(300)
  const tried = call(2000, undefined).catch(() => {})
  const begin = Date.now()
  const told = await call(0, AbortSignal.timeout(100)).then(() => "nothing", (error) => error.code ?? error.constructor.name)
  console.log(`${name}: told ${told}, after ${((Date.now() - begin) / 1000).toFixed(1)} s`)
  await tried
}
const breaker = circuitBreaker(handleAll, { halfOpenAfter: 200, breaker: new ConsecutiveBreaker(1) })
await look("cockatiel", (ms, signal) => breaker.execute(() => down(ms), signal))
const other = new CircuitBreaker(down, { resetTimeout: 200, errorThresholdPercentage: 1, timeout: false })
await look("opossum", (ms) => other.fire(ms))
process.exit()
JS
expected="cockatiel: told BrokenCircuitError, after 2.0 s
opossum: told EOPENBREAKER, after 0.0 s"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
