#!/usr/bin/env bash
# @d-fischer/rate-limiter 1.1.0: those who wait behind a request that fails, or under a limit of less than ten, are forgotten.
#
# `ResponseBasedRateLimiter` learns from each response how many requests are left, and lets those who wait go on by that. One
# expects that whoever waits is served sooner or later. But if the request that is under way fails (no network, say), there is
# no response to learn from, and nobody is told to go on. And as it goes on with a tenth of the limit at a time, a limit of 5 is
# half a request at a time, rounded down to none, though four are left. In both cases the others wait until somebody makes
# another request, and then still do, with nothing under way and no error.
#
# Seen with Node 20 (three requests at once, each of 100 ms; after 3 s):
#
#     limit 100, all succeed: done, done, done
#     limit 100, the first fails: failed, waits, waits
#     limit 5, all succeed: done, waits, waits
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @d-fischer/rate-limiter@1.1.0
cat > try.mjs << 'JS'
import { ResponseBasedRateLimiter } from "@d-fischer/rate-limiter"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
class Limiter extends ResponseBasedRateLimiter {
  limit
  fails
  constructor(limit, fails) {
    super({ logger: { minLevel: "critical" } })
    this.limit = limit
    this.fails = fails
  }
  async doRequest(n) {
    await sleep(100)
    if (n === this.fails) throw new Error("no network")
    return n
  }
  needsToRetryAfter() {
    return null
  }
  getParametersFromResponse(n) {
    return { limit: this.limit, remaining: this.limit - n, resetsAt: Date.now() + 600_000 }
  }
}
const cases = { "limit 100, all succeed": [100], "limit 100, the first fails": [100, 1], "limit 5, all succeed": [5] }
for (const [name, settings] of Object.entries(cases)) {
  const limiter = new Limiter(...settings)
  const seen = ["waits", "waits", "waits"]
  for (const n of [1, 2, 3]) {
    limiter.request(n).then(() => seen[n - 1] = "done", () => seen[n - 1] = "failed")
  }
  await sleep(3000)
  console.log(`${name}: ${seen.join(", ")}`)
}
process.exit()
JS
expected="limit 100, all succeed: done, done, done
limit 100, the first fails: failed, waits, waits
limit 5, all succeed: done, waits, waits"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
