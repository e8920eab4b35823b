#!/usr/bin/env bash
# async-lock 1.5.0: with several keys and `maxExecutionTime`, the work is begun after it was refused, and without its first key.
#
# `acquire(["a", "b"], work, { maxExecutionTime })` is to run `work` with both keys, for that time at most. One expects that
# the time begins with the work, and that a call which has been rejected does nothing any more. But the keys are nested
# calls, each with the option, so the time of "a" also counts the wait for "b". When it is over, the call is rejected and "a"
# is let go, while the wait for "b" goes on; then the work runs, beside the next one who has "a".
#
# Seen with Node 20 ("b" is held for 300 ms, the limit is 100 ms):
#
#     refused: Maximum execution time is exceeded a
#     another has a
#     the work on a and b begins
#     another is done with a
#
# Succeeds while this is so. What to do instead: put the limit on the work, not on the lock.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund async-lock@1.5.0
cat > try.mjs << 'JS'
import AsyncLock from "async-lock"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lock = new AsyncLock()
const holder = lock.acquire("b", () => sleep(300))
const work = async () => console.log("the work on a and b begins")
await lock.acquire(["a", "b"], work, { maxExecutionTime: 100 })
  .catch((error) => console.log(`refused: ${error.message}`))
await lock.acquire("a", async () => {
  console.log("another has a")
  await holder
  await sleep(100)
  console.log("another is done with a")
})
JS
expected="refused: Maximum execution time is exceeded a
another has a
the work on a and b begins
another is done with a"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
