#!/usr/bin/env bash
# concurrent-lock 1.0.7: unlocking one lock lets somebody in who waits for another one, and those who gave up are woken in vain.
#
# A program has a lock for each thing it guards, each an object of its own, and they are expected to have nothing in common. But
# all who wait, for whatever lock, stand in one queue of the module. `unlock` wakes the first of them and looks at neither its own
# lock nor theirs: who is woken goes in, whoever holds the lock that it asked for. And the one who should have been woken stays,
# beside a lock that is free. Who gave up (`lock(timeout)`) stays in the queue as well, so that an `unlock` is spent on it.
#
# Seen with Node 20 (two locks of one each):
#
#     lock a is unlocked; who waits for lock b, which is held: let in, 2 hold b
#     somebody timed out waiting for c, c is unlocked; who waits for c: waits, 0 hold c
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund concurrent-lock@1.0.7
cat > try.mjs << 'JS'
import module from "concurrent-lock"

const Lock = module.default
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const wait = (lock) => {
  const waiter = { seen: "waits" }
  lock.lock().then(() => {
    waiter.seen = "let in"
  })
  return waiter
}
const [a, b, c] = [new Lock(1), new Lock(1), new Lock(1)]
await a.lock()
await b.lock()
const first = wait(b)
await sleep(50)
a.unlock()
await sleep(50)
console.log(`lock a is unlocked; who waits for lock b, which is held: ${first.seen}, ${b._locked} hold b`)

await c.lock()
await c.lock(50).catch(() => {})
const second = wait(c)
await sleep(50)
c.unlock()
await sleep(50)
console.log(`somebody timed out waiting for c, c is unlocked; who waits for c: ${second.seen}, ${c._locked} hold c`)
JS
expected="lock a is unlocked; who waits for lock b, which is held: let in, 2 hold b
somebody timed out waiting for c, c is unlocked; who waits for c: waits, 0 hold c"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
