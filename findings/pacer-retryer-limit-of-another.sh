#!/usr/bin/env bash
# @tanstack/pacer 0.22.0: the time limit of a call that an `AsyncRetryer` has done long ago ends the call that is made now.
#
# A limit is of the call that it was set for, and has no meaning when that one has succeeded: its timer is cleared. Here it stays,
# that of `maxTotalExecutionTime` after its call, and that of each attempt (`maxExecutionTime`) after its attempt, and when it is
# due it aborts what the retryer is doing then. A call that begins shortly before the limit of the last one is over has its rest for
# itself, and is given `undefined`, as if it had succeeded with nothing, while its function goes on. An attempt is cut by the limit
# of the one before. A retryer that is made once for a service and called all the time loses calls at random, and a program that
# has done its one call does not end before the limit is over.
#
# Seen with Node 20 (the clock is mocked; limits of 1000 ms):
#
#     total limit, calls of 300 ms at 0 and 900: gives 1 at 300, gives undefined at 1200
#     no limit, calls of 300 ms at 0 and 900: gives 1 at 300, gives 2 at 1200
#     limit of an attempt, two of 600 ms, the first of which fails: throws Aborted at 1000
#     no limit, two of 600 ms, the first of which fails: gives 2 at 1200
#
# Succeeds while this is so. What to do instead: the limit within the function, or a retryer for each call.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tanstack/pacer@0.22.0 @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { AsyncRetryer } from "@tanstack/pacer"

const limits = async (name, options, ms, from, work) => {
  const clock = FakeTimers.install({ now: 0 })
  let runs = 0
  const retryer = new AsyncRetryer(async () => {
    const run = ++runs
    await new Promise((resolve) => setTimeout(resolve, ms))
    return work(run)
  }, { baseWait: 0, ...options })
  const calls = []
  for (const time of from) {
    await clock.tickAsync(time - Date.now())
    const says = (word) => `${word} at ${Date.now()}`
    calls.push(retryer.execute().then((value) => says(`gives ${value}`), (error) => says(`throws ${error.message}`)))
  }
  await clock.tickAsync(5000)
  clock.uninstall()
  console.log(`${name}: ${(await Promise.all(calls)).join(", ")}`)
}
const succeeds = (run) => run
const failsFirst = (run) => run === 1 ? Promise.reject(new Error("down")) : run
await limits("total limit, calls of 300 ms at 0 and 900", { maxTotalExecutionTime: 1000 }, 300, [0, 900], succeeds)
await limits("no limit, calls of 300 ms at 0 and 900", {}, 300, [0, 900], succeeds)
const attempts = "two of 600 ms, the first of which fails"
await limits(`limit of an attempt, ${attempts}`, { maxAttempts: 2, maxExecutionTime: 1000 }, 600, [0], failsFirst)
await limits(`no limit, ${attempts}`, { maxAttempts: 2 }, 600, [0], failsFirst)
JS
expected="total limit, calls of 300 ms at 0 and 900: gives 1 at 300, gives undefined at 1200
no limit, calls of 300 ms at 0 and 900: gives 1 at 300, gives 2 at 1200
limit of an attempt, two of 600 ms, the first of which fails: throws Aborted at 1000
no limit, two of 600 ms, the first of which fails: gives 2 at 1200"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
