#!/usr/bin/env bash
# bottleneck 2.19.5: a job that waits for its retry keeps its place, and one that goes on after its `expiration` has none.
#
# `maxConcurrent: 1` is how many jobs are at work. One that failed, and is to be tried again in a second (what the listener of "failed"
# returns), does nothing until then, so one expects the next one to be let in, and the retry to come in its turn. But it holds its place
# for all the delay: with `maxConcurrent: 1` and a backoff of a minute, one job that fails holds up all others for that minute, at each
# attempt. With `expiration` it is the other way round: who takes too long is told so, and its place is given away, while the job goes on:
# so three are at work beside each other.
#
# Seen (job a fails at first and is to be tried again after a second; jobs b and c come after it; then three jobs of 500 ms with an
# `expiration` of 100):
#
#     a retry: a fails, a succeeds, b a second later, c a second later
#     an expiration: at work at the same time: 3; told: This job timed out after 100 ms.
#
# Succeeds while this is so. What to do instead: to schedule it anew when it has failed; a signal that ends the job itself at its time.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bottleneck@2.19.5
cat > try.mjs << 'JS'
import Bottleneck from "bottleneck"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
{
  const limiter = new Bottleneck({ maxConcurrent: 1 })
  limiter.on("failed", (_, { retryCount }) => retryCount === 0 ? 1000 : undefined)
  const seen = []
  let failed = false
  const start = performance.now()
  await Promise.all([
    limiter.schedule(async () => {
      if (failed) return void seen.push("a succeeds")
      failed = true
      seen.push("a fails")
      throw new Error("try again")
    }),
    ...["b", "c"].map((name) =>
      limiter.schedule(async () => void seen.push(`${name} ${performance.now() - start > 900 ? "a second later" : "at once"}`))
    )
  ])
  console.log(`a retry: ${seen.join(", ")}`)
}
{
  const limiter = new Bottleneck({ maxConcurrent: 1 })
  let working = 0
  let most = 0
  const job = async () => {
    most = Math.max(most, ++working)
    await sleep(500)
    working--
  }
  const told = await Promise.all([1, 2, 3].map(() => limiter.schedule({ expiration: 100 }, job).catch((error) => error.message)))
  console.log(`an expiration: at work at the same time: ${most}; told: ${told[0]}`)
}
JS
expected="a retry: a fails, a succeeds, b a second later, c a second later
an expiration: at work at the same time: 3; told: This job timed out after 100 ms."
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
