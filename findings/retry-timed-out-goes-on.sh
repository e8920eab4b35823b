#!/usr/bin/env bash
# @lifeomic/attempt 3.1.0 and retry-as-promised 7.1.1: a call that was told to have timed out is tried again, unseen, as often as it may.
#
# Both retry what fails, and have a `timeout`, of which the one says: "if the timeout is triggered then future attempts will be
# aborted". One expects that nothing is begun after the caller was told that the time is over, and what is under way then is the
# last. But the timeout only answers the caller. When the attempt that was too slow fails at last, as it does with a service that is
# down, its failure is treated as any other: the work is begun again, until it succeeds or all attempts are used up. So it may be
# done after the caller has undone it, done something else, or asked once more, and then for each of the askings.
#
# Seen with Node 20 (5 attempts, each of which fails after 400 ms; `timeout` is 300 ms):
#
#     @lifeomic/attempt: told ATTEMPT_TIMEOUT after attempt 1; begun in the end: 5
#     retry-as-promised: told TimeoutError after attempt 1; begun in the end: 5
#
# Succeeds while this is so. What to do instead: a time limit within each attempt, and a look at a flag of one's own before it begins.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @lifeomic/attempt@3.1.0 retry-as-promised@7.1.1
cat > try.mjs << 'JS'
import { retry } from "@lifeomic/attempt"
import { retryAsPromised } from "retry-as-promised"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (name, call) => {
  let begun = 0
  const told = await call(async () => {
    begun++
    await sleep(400)
    throw new Error("down")
  }).catch((error) => error.code ?? error.name)
  console.log(`${name}: told ${told} after attempt ${begun}; begun in the end: ${await sleep(4000).then(() => begun)}`)
}
await look("@lifeomic/attempt", (work) => retry(work, { maxAttempts: 5, delay: 50, timeout: 300 }))
await look("retry-as-promised", (work) => retryAsPromised(work, { max: 5, backoffBase: 50, timeout: 300 }))
JS
expected="@lifeomic/attempt: told ATTEMPT_TIMEOUT after attempt 1; begun in the end: 5
retry-as-promised: told TimeoutError after attempt 1; begun in the end: 5"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
