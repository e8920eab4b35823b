#!/usr/bin/env bash
# generic-pool 3.9.0: with priorities, `drain()` is over while somebody still waits, and what that one gets stays open.
#
# `pool.drain().then(() => pool.clear())` is how a pool is shut down: nobody new is let in, those who wait are served, all give
# back what they have, and it is closed. One expects `drain()` to wait for all who wait. It waits for one of them, the last one
# of the lowest priority, who is taken for the last of all; when that one gives up (`acquireTimeoutMillis`), it waits no more
# for the others. One of a higher priority who came later is served after that, from a pool that has been shut down: `clear()`
# has closed what there was, and what is given back now is closed by nobody. The program then does not end, or ends a
# connection in the middle of its work.
#
# Seen with Node 20 (one has the only resource for 12.5 s, two wait, each for 10 s at most, the one of priority 1 since 0 s, the
# one of priority 0 since 5 s):
#
#     drain and clear have ended; priority 1: TimeoutError, priority 0: at work
#     in the end 1 of 1 resources is open
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund generic-pool@3.9.0
cat > try.mjs << 'JS'
import generic from "generic-pool"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let made = 0
let open = 0
const factory = { create: async () => (open++, { number: ++made }), destroy: async () => void open-- }
const pool = generic.createPool(factory, { max: 1, priorityRange: 2, acquireTimeoutMillis: 10_000 })
const states = ["waits", "waits"]
const wants = async (priority, time) => {
  try {
    const resource = await pool.acquire(priority)
    states[priority] = "at work"
    await sleep(time)
    await pool.release(resource)
    states[priority] = "done"
  } catch (error) {
    states[priority] = error.name
  }
}
const first = await pool.acquire()
const others = [wants(1, 1000)]
await sleep(5000)
others.push(wants(0, 1000))
const drained = pool.drain().then(() => pool.clear())
sleep(7500).then(() => pool.release(first))
await drained
console.log(`drain and clear have ended; priority 1: ${states[1]}, priority 0: ${states[0]}`)
await Promise.all(others)
await sleep(500)
console.log(`in the end ${open} of ${made} resources is open`)
process.exit()
JS
expected="drain and clear have ended; priority 1: TimeoutError, priority 0: at work
in the end 1 of 1 resources is open"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
