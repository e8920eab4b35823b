#!/usr/bin/env bash
# perfect-debounce 2.1.0: a failure that the caller has caught ends the process.
#
# It is a "debounce function with Promise support": each call gives the promise of what it comes to, and who handles that promise
# has handled the failure. But the function is also followed by a `finally` of the library's own, whose promise nobody has.
# It fails as well, as a rejection that nobody handles, and that ends a Node process by default. So one refused write of a
# debounced save takes the service down, though each call of it has its `catch`; with p-debounce 5.1.1 it does not.
#
# Seen with Node 20 (what Node would end the process for is told instead):
#
#     perfect-debounce: the caller caught "down"; rejections that nobody handled: 1
#     p-debounce: the caller caught "down"; rejections that nobody handled: 0
#
# Succeeds while this is so. What to do instead: let the function never fail, and give its failures as values.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund perfect-debounce@2.1.0 p-debounce@5.1.1
cat > try.mjs << 'JS'
import pDebounce from "p-debounce"
import { debounce } from "perfect-debounce"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let unhandled = 0
process.on("unhandledRejection", () => unhandled++)
const save = async () => {
  throw new Error("down")
}
const look = async (name, debounced) => {
  unhandled = 0
  const caught = await debounced().catch((error) => error.message)
  await sleep(50)
  console.log(`${name}: the caller caught "${caught}"; rejections that nobody handled: ${unhandled}`)
}
await look("perfect-debounce", debounce(save, 10))
await look("p-debounce", pDebounce(save, 10))
JS
expected="perfect-debounce: the caller caught \"down\"; rejections that nobody handled: 1
p-debounce: the caller caught \"down\"; rejections that nobody handled: 0"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
