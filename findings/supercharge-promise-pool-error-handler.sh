#!/usr/bin/env bash
# @supercharge/promise-pool 3.3.0: an error that its error handler throws, to stop the pool, ends the process instead.
#
# "Providing a custom error handler allows you to exit the promise pool early by throwing inside the error handler function."
# So one expects `process()` to fail with that error, and whoever awaits it to catch it. That is so for an array, at the end or when
# all slots are taken. With items from an async iterable (pages of a query, messages), the pool waits for the next item most of the
# time, with a slot to spare, and nobody waits for the tasks: the failure is one that is not handled, and Node ends the process, past
# the `try` around the pool. The other tasks are cut off.
#
# Seen with Node 20 (what Node would end the process for is told instead):
#
#     an array: caught "stop"
#     an async iterable: not handled "stop"
#
# Succeeds while this is so. What to do instead: `pool.stop()` in the handler, with the error kept in a variable.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @supercharge/promise-pool@3.3.0
cat > try.mjs << 'JS'
import { PromisePool } from "@supercharge/promise-pool"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
async function* pages() {
  for (const page of [1, 2, 3]) {
    yield page
    await sleep(500)
  }
}
const run = (items) =>
  PromisePool.withConcurrency(2).for(items)
    .handleError((error) => {
      throw error
    })
    .process(async (item) => {
      await sleep(10)
      if (item === 1) throw new Error("stop")
    })
for (const [name, items] of [["an array", [1, 2, 3]], ["an async iterable", pages()]]) {
  const says = await new Promise((resolve) => {
    process.once("unhandledRejection", (error) => resolve(`not handled "${error.message}"`))
    run(items).then(() => resolve("nothing"), (error) => resolve(`caught "${error.message}"`))
  })
  console.log(`${name}: ${says}`)
}
process.exit()
JS
expected="an array: caught \"stop\"
an async iterable: not handled \"stop\""
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
