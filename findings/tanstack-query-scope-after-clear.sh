#!/usr/bin/env bash
# @tanstack/query-core 5.108.4: after `clear()`, mutations of one scope run beside each other, and those that waited are never answered.
#
# Mutations with the same `scope.id` "run in serial": the next one begins when the one before it is over. `queryClient.clear()` is what
# one calls on sign-out, so that nothing of one user is shown to the next. One expects a mutation that is under way to go on, and those
# that wait to be done after it or to fail. But who runs in a scope is known to the cache alone: once it is cleared, a new mutation of
# the scope begins at once, beside the one that is still at work, and those that waited are neither begun nor failed: their promise
# stays pending for as long as the page lives, with all that comes after the `await`.
#
# Seen with Node 20 (each mutation takes 300 ms):
#
#     as it is: 1 at a time; the first is done, the second is done, the third is done
#     with clear() before the third: 2 at a time; the first is done, the second is pending, the third is done
#
# Succeeds while this is so. What to do instead: wait until `queryClient.isMutating()` is 0 before one clears.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tanstack/query-core@5.108.4
cat > try.mjs << 'JS'
import { MutationObserver, QueryClient } from "@tanstack/query-core"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, between) => {
  const client = new QueryClient()
  let running = 0
  let most = 0
  const mutationFn = async () => {
    most = Math.max(most, ++running)
    await sleep(300)
    running--
  }
  const states = {}
  const mutate = (name) => {
    states[name] = "pending"
    new MutationObserver(client, { scope: { id: "cart" }, mutationFn }).mutate().then(
      () => (states[name] = "done"),
      () => (states[name] = "failed")
    )
  }
  mutate("first")
  mutate("second")
  await sleep(50)
  between(client)
  mutate("third")
  await sleep(2500)
  console.log(`${words}: ${most} at a time; ${Object.entries(states).map(([name, it]) => `the ${name} is ${it}`).join(", ")}`)
}
await look("as it is", () => {})
await look("with clear() before the third", (client) => client.clear())
process.exit()
JS
expected="as it is: 1 at a time; the first is done, the second is done, the third is done
with clear() before the third: 2 at a time; the first is done, the second is pending, the third is done"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
