#!/usr/bin/env bash
# ts-retry-promise 0.8.1: "EXPONENTIAL" is the delay to the power of the attempt: from 1 ms it never grows, from 1 s to 11 days.
#
# Exponential backoff is a delay that doubles, or is multiplied by some factor, with each attempt: 100, 200, 400 ms. So it is
# with p-retry, async-retry and exponential-backoff, and "LINEAR" of this one is what one thinks. Its "EXPONENTIAL" is
# `delay ** attempt`, in milliseconds: whoever has a `delay` of a second waits for 1 s and then for 11 days, were it not for
# `maxBackOff`, five minutes by default. Whoever wants to begin gently with 1 ms gets ten attempts as fast as they go, at the
# service that has just failed. And after the last attempt it waits once more, for the longest of all delays, before it says so.
#
# Seen with Node 20 (the clock is mocked; the pauses in milliseconds, the last one before the error is told):
#
#     FIXED from 100: 100 100 100 100
#     LINEAR from 100: 100 200 300 400
#     EXPONENTIAL from 1: 1 1 1 1
#     EXPONENTIAL from 2: 2 4 8 16
#     EXPONENTIAL from 100: 100 10000 300000 300000
#     EXPONENTIAL from 1000: 1000 300000 300000 300000
#
# Succeeds while this is so. What to do instead: `backoff: (attempt, delay) => delay * 2 ** (attempt - 1)`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund ts-retry-promise@0.8.1 @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { retry } from "ts-retry-promise"

const clock = FakeTimers.install()
const policies = [["FIXED", 100], ["LINEAR", 100], ...[1, 2, 100, 1000].map((delay) => ["EXPONENTIAL", delay])]
for (const [backoff, delay] of policies) {
  const times = []
  const end = retry(() => {
    times.push(Date.now())
    throw new Error("down")
  }, { backoff, delay, retries: 3, timeout: "INFINITELY" }).catch(() => times.push(Date.now()))
  await clock.runAllAsync()
  await end
  console.log(`${backoff} from ${delay}: ${times.slice(1).map((time, index) => time - times[index]).join(" ")}`)
}
JS
expected="FIXED from 100: 100 100 100 100
LINEAR from 100: 100 200 300 400
EXPONENTIAL from 1: 1 1 1 1
EXPONENTIAL from 2: 2 4 8 16
EXPONENTIAL from 100: 100 10000 300000 300000
EXPONENTIAL from 1000: 1000 300000 300000 300000"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
