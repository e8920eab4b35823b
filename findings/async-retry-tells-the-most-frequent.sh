#!/usr/bin/env bash
# async-retry 1.3.3: what it fails with is the error that came most often, not the last one, and a call that gave up (`bail`) may go on.
#
# When all attempts have failed, one expects to be told of the last failure, as from any loop: what is wrong now. It is the one
# whose message was seen most often: a service that timed out twice, and then said that the account is closed, has timed out; and of messages
# with a number in them, each counts for itself. And `bail(error)` is "to abort the retrying": it does reject at once, but does not stop
# anything. If the call fails after it, by the `throw` that one writes after it where the documentation has a `return`, it is tried
# again and again, with its delays, while its caller has long been told that it is over.
#
# Seen with Node 20 (`retries: 3`):
#
#     fails with timeout, timeout, timeout, closed: told of: timeout
#     fails with closed, timeout, closed, timeout: told of: timeout
#     bails, and then throws: told of: closed after 1 call; calls in all: 4
#
# Succeeds while this is so. What to do instead: `onRetry` tells of each; after `bail`, return.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund async-retry@1.3.3
cat > try.mjs << 'JS'
import retry from "async-retry"
import { setTimeout } from "node:timers/promises"

const options = { retries: 3, minTimeout: 50, maxTimeout: 50, randomize: false }
const look = async (...messages) => {
  const told = await retry(async (bail, attempt) => {
    throw new Error(messages[attempt - 1])
  }, options).catch((error) => error.message)
  console.log(`fails with ${messages.join(", ")}: told of: ${told}`)
}
await look("timeout", "timeout", "timeout", "closed")
await look("closed", "timeout", "closed", "timeout")

let calls = 0
const told = await retry(async (bail) => {
  calls++
  const error = new Error("closed")
  bail(error)
  throw error
}, options).catch((error) => `${error.message} after ${calls} call`)
await setTimeout(1000)
console.log(`bails, and then throws: told of: ${told}; calls in all: ${calls}`)
JS
expected="fails with timeout, timeout, timeout, closed: told of: timeout
fails with closed, timeout, closed, timeout: told of: timeout
bails, and then throws: told of: closed after 1 call; calls in all: 4"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
