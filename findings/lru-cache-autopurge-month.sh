#!/usr/bin/env bash
# lru-cache 11.5.3: with `ttlAutopurge` and a time to live of 30 days, each entry has a timer that is due a thousand times a second.
#
# `ttlAutopurge` deletes what has expired without being asked for it, by a timer for each entry, and one expects an entry of a
# month to have one that does nothing for a month. No timer of Node can be as long (2,147,483,647 ms are 24.8 days), and one that
# is asked for is due after a millisecond. It finds an entry that has not expired and is set again for what is left, which is too
# long as well, and so on. A cache of some thousand entries takes a core, and Node prints a warning for each timer. The entries
# live as long as they should, so that nothing but the load and the log tells of it.
#
# Seen with Node 20 (the timers that are set in the second after 10 entries were added):
#
#     10 entries of 24 days: 0 timers
#     10 entries of 30 days: more than 1000 timers
#
# Succeeds while this is so. What to do instead: no `ttlAutopurge` for what lives so long; `max` bounds the memory.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lru-cache@11.5.3
cat > try.mjs << 'JS'
import { LRUCache } from "lru-cache"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
process.removeAllListeners("warning")
const set = globalThis.setTimeout
let timers = 0
globalThis.setTimeout = (...args) => {
  timers++
  return set(...args)
}
const look = async (days) => {
  const cache = new LRUCache({ max: 10, ttl: days * 24 * 60 * 60 * 1000, ttlAutopurge: true })
  for (let key = 0; key < 10; key++) cache.set(key, "value")
  const wait = sleep(1000)
  timers = 0
  await wait
  console.log(`10 entries of ${days} days: ${timers > 1000 ? "more than 1000" : timers} timers`)
  cache.clear()
}
await look(24)
await look(30)
process.exit()
JS
expected="10 entries of 24 days: 0 timers
10 entries of 30 days: more than 1000 timers"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
