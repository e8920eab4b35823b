#!/usr/bin/env bash
# opossum 9.0.0: with `cache`, a breaker may stay closed while every single call of the service fails.
#
# The breaker opens when more than `errorThresholdPercentage` of the calls fail. With `cache: true` it answers what it knows
# without calling the service, and one expects such an answer to say nothing about the service, and to count for nothing. It
# counts as a call that did not fail: the share is that of failures among all `fire`s. So if two of three questions are answered
# from the cache, a third at most can fail, which is less than the 50 % of the default, and the service that is down is called
# for ever, each time for as long as `timeout`. The better the cache works, the less the breaker does.
#
# Seen with Node 20 (50 calls to a service that fails all of them, with none or two cached answers before each):
#
#     0 cached answers a call: the service was called 2 times, the breaker is open
#     2 cached answers a call: the service was called 50 times, the breaker is closed
#
# Succeeds while this is so. What to do instead: a cache around the breaker, not in it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund opossum@9.0.0
cat > try.mjs << 'JS'
import CircuitBreaker from "opossum"

for (const answers of [0, 2]) {
  let calls = 0
  const action = async (id) => {
    if (id === "known") return "value"
    calls++
    throw new Error("down")
  }
  const breaker = new CircuitBreaker(action, { cache: true, rollingCountTimeout: 3_600_000 })
  await breaker.fire("known")
  for (let i = 0; i < 50; i++) {
    for (let j = 0; j < answers; j++) await breaker.fire("known")
    await breaker.fire(i).catch(() => {})
  }
  const state = breaker.opened ? "open" : "closed"
  console.log(`${answers} cached answers a call: the service was called ${calls} times, the breaker is ${state}`)
}
process.exit()
JS
expected="0 cached answers a call: the service was called 2 times, the breaker is open
2 cached answers a call: the service was called 50 times, the breaker is closed"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
