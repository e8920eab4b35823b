#!/usr/bin/env bash
# opossum 9.0.0: a half open breaker is closed by the answer to a call that was made before it opened.
#
# When a breaker is half open, "the next time the circuit is fired, the circuit's action will be executed again. If successful,
# the circuit will close": one call tries whether the service is back, the others are refused. One expects only that call to
# decide. Any call that ends then decides: one that was under way when the breaker opened, and is answered after all, closes it,
# though nothing has been tried, and everybody is let in at once. cockatiel 4.0.0 leaves it to the one that tries.
#
# Seen with Node 20 (one call is under way when others fail; it is answered when the breaker is half open; then five call):
#
#     opossum: closed, 5 of 5 reach the service
#     cockatiel: open, 1 of 5 reach the service
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund opossum@9.0.0 cockatiel@4.0.0
cat > try.mjs << 'JS'
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel"
import CircuitBreaker from "opossum"

const names = { [CircuitState.Closed]: "closed", [CircuitState.HalfOpen]: "half open", [CircuitState.Open]: "open" }
const kinds = {
  opossum: (action) => {
    const breaker = new CircuitBreaker(action, { resetTimeout: 1000, timeout: false })
    return {
      fire: (kind) => breaker.fire(kind),
      halfOpen: () => new Promise((resolve) => breaker.once("halfOpen", resolve)),
      state: () => breaker.closed ? "closed" : breaker.halfOpen ? "half open" : "open"
    }
  },
  cockatiel: (action) => {
    const policy = circuitBreaker(handleAll, { halfOpenAfter: 1000, breaker: new ConsecutiveBreaker(2) })
    return {
      fire: (kind) => policy.execute(() => action(kind)),
      halfOpen: () => new Promise((resolve) => setTimeout(resolve, 1500)),
      state: () => names[policy.state]
    }
  }
}
const alive = setInterval(() => {}, 1000)
for (const [name, make] of Object.entries(kinds)) {
  let answer
  let reached = 0
  const { fire, halfOpen, state } = make(async (kind) => {
    if (kind === "fails") throw new Error("down")
    if (kind === "slow") return new Promise((resolve) => answer = resolve)
    reached++
    return new Promise(() => {})
  })
  const slow = fire("slow")
  const becomesHalfOpen = halfOpen()
  for (let i = 0; i < 2; i++) await fire("fails").catch(() => {})
  await becomesHalfOpen
  answer()
  await slow
  const before = state()
  for (let i = 0; i < 5; i++) fire("new").catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 200))
  console.log(`${name}: ${before}, ${reached} of 5 reach the service`)
}
clearInterval(alive)
process.exit()
JS
expected="opossum: closed, 5 of 5 reach the service
cockatiel: open, 1 of 5 reach the service"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
