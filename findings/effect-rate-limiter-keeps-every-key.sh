#!/usr/bin/env bash
# effect 4.1.0: the `RateLimiter`'s store in memory keeps every key that was ever asked for, also when its window is long over.
#
# One limits by address, by user or by token, so there are as many keys as there are visitors, and a window of a minute. One expects what is over
# to be dropped, as Redis does with its keys, and as the store in memory of the circuit breaker beside it does (`idleTimeToLive`), and
# other limiters. The one here has a map for each algorithm and takes nothing out of it. A server that is up for weeks holds all
# addresses since its start; who sends each request with another key fills it.
#
# Seen with Node 24 (100,000 keys, each asked for once, in a window of 10 ms; the heap after a second and a collection):
#
#     effect, fixed-window: more than 10 MB are kept
#     effect, token-bucket: more than 10 MB are kept
#     rate-limiter-flexible: less than 5 MB are kept
#
# Succeeds while this is so. What to do instead: the store in Redis, or a layer that is made anew from time to time (`LayerRef`).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 rate-limiter-flexible@11.4.0
cat > try.mjs << 'JS'
import { Effect } from "effect"
import { RateLimiter } from "effect/persistence"
import { RateLimiterMemory } from "rate-limiter-flexible"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const heap = async () => {
  for (let i = 0; i < 3; i++) {
    gc()
    await sleep(20)
  }
  return process.memoryUsage().heapUsed / 1e6
}
const kept = async (name, ask) => {
  const before = await heap()
  await ask()
  await sleep(1000)
  const more = await heap() - before
  console.log(`${name}: ${more > 10 ? "more than 10 MB are kept" : more < 5 ? "less than 5 MB are kept" : `${more} MB are kept`}`)
}
const count = 100_000
const limiter = await Effect.runPromise(
  RateLimiter.make.pipe(Effect.provide(RateLimiter.layerStoreMemory))
)
for (const algorithm of ["fixed-window", "token-bucket"]) {
  await kept(`effect, ${algorithm}`, () =>
    Effect.runPromise(Effect.gen(function*() {
      for (let i = 0; i < count; i++) yield* limiter.consume({ algorithm, key: `${algorithm}/${i}`, limit: 10, window: "10 millis" })
    })))
}
const flexible = new RateLimiterMemory({ points: 10, duration: 0.01 })
await kept("rate-limiter-flexible", async () => {
  for (let i = 0; i < count; i++) await flexible.consume(`${i}`)
})
// The limiters were in use all the time.
await Effect.runPromise(limiter.consume({ key: "last", limit: 10, window: "1 second" }))
await flexible.consume("last")
process.exit()
JS
expected="effect, fixed-window: more than 10 MB are kept
effect, token-bucket: more than 10 MB are kept
rate-limiter-flexible: less than 5 MB are kept"
seen=$(node --expose-gc try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
