#!/usr/bin/env bash
# opossum 9.0.0: a breaker that opened a moment ago is half open when its state is restored, if it had been there for a while.
#
# For programs that come and go, `toJSON()` gives the state of a breaker and `new CircuitBreaker(action, { state })` goes on
# with it: an open one is to stay open until `resetTimeout` is over since it opened, for which `lastTimerAt` is there. But that
# is the time at which the breaker was made, and stays so. A program that ran for longer than `resetTimeout` before the trouble
# began, as nearly all have, writes down a time that is long over, and each program that goes on from there sends a call to the
# service at once. With a hundred of them that start again because the service is down, that is a hundred calls.
#
# Seen with Node 20 (`resetTimeout` is 10 s; the state is saved and restored right after the breaker opened):
#
#     made just before it opened: open, restored: open
#     made 12 s before it opened: open, restored: half open
#
# Succeeds while this is so. What to do instead: write down the time of the event `open`, and put it in as `lastTimerAt`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund opossum@9.0.0
cat > try.mjs << 'JS'
import CircuitBreaker from "opossum"

const options = { resetTimeout: 10_000 }
const action = async () => {
  throw new Error("down")
}
const says = (breaker) => breaker.opened ? "open" : breaker.halfOpen ? "half open" : "closed"
const results = [["just", 0], ["12 s", 12_000]].map(async ([name, age]) => {
  const breaker = new CircuitBreaker(action, { ...options })
  await new Promise((resolve) => setTimeout(resolve, age))
  await breaker.fire().catch(() => {})
  const saved = JSON.parse(JSON.stringify(breaker.toJSON()))
  const restored = new CircuitBreaker(action, { ...options, state: saved.state })
  return `made ${name} before it opened: ${says(breaker)}, restored: ${says(restored)}`
})
console.log((await Promise.all(results)).join("\n"))
process.exit()
JS
expected="made just before it opened: open, restored: open
made 12 s before it opened: open, restored: half open"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
