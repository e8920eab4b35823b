#!/usr/bin/env bash
# @fastify/circuit-breaker 4.0.3: `timeout` ends no wait, takes the answer from who waited for it, and counts as two failures.
#
# A circuit breaker's `timeout` is how long a call may take: when it is over, the caller is told so, one expects, and need not wait. Here
# nothing happens at that time. It is looked at when the answer is there: the caller has waited for as long as it took, and is then told
# "Timeout" (503) in the place of the answer, of an order that was made, and orders again. What never answers is never a failure, so the
# circuit stays closed for what it is there for. And as the error is an answer too, which is looked at again and has taken too long as
# well, each is counted twice: with a `threshold` of 4, two slow ones open the circuit for all.
#
# Seen (`timeout: 200`, `threshold: 4`; orders that take a second, one after the other, and then orders that take none):
#
#     takes 1000 ms: 503 "Timeout" after a second; orders made: 1
#     takes 1000 ms: 503 "Timeout" after a second; orders made: 2
#     takes 0 ms: 503 "Circuit open" at once; orders made: 2
#
# Succeeds while this is so. What to do instead: a limit in the handler, as by `AbortSignal.timeout`, that fails with a status of its own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund fastify@5.12.8 @fastify/circuit-breaker@4.0.3
cat > try.mjs << 'JS'
import breaker from "@fastify/circuit-breaker"
import Fastify from "fastify"

const app = Fastify()
await app.register(breaker, { threshold: 4, timeout: 200, resetTimeout: 60_000 })
let orders = 0
app.after(() => {
  app.post("/orders/:takes", { preHandler: app.circuitBreaker() }, async ({ params }) => {
    await new Promise((resolve) => setTimeout(resolve, Number(params.takes)))
    return { message: `order ${++orders}` }
  })
})
await app.listen({ port: 0, host: "127.0.0.1" })
const order = async (takes) => {
  const start = performance.now()
  const response = await fetch(`http://127.0.0.1:${app.server.address().port}/orders/${takes}`, { method: "POST" })
  const { message } = await response.json()
  const waited = performance.now() - start > 990 ? "after a second" : "at once"
  console.log(`takes ${takes} ms: ${response.status} "${message}" ${waited}; orders made: ${orders}`)
}
await order(1000)
await order(1000)
await order(0)
process.exit()
JS
expected='takes 1000 ms: 503 "Timeout" after a second; orders made: 1
takes 1000 ms: 503 "Timeout" after a second; orders made: 2
takes 0 ms: 503 "Circuit open" at once; orders made: 2'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
