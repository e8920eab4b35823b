#!/usr/bin/env bash
# node-cache 5.1.2: a cache with `maxKeys` that is full refuses a new value of a key that it has, and counts what has expired.
#
# "If a new item is set and the cache is full, an error is thrown". One expects that to be about new keys: a new value of a key that
# is there needs no room, and it is what a cache of limited size is asked for most. It is refused as well, so that whoever
# has filled the cache serves the old values from there on. Keys whose time is over are counted too, until `checkperiod` (ten
# minutes) comes by, or until somebody asks for them, which nobody does after an error.
#
# Seen with Node 20 (`maxKeys: 1`):
#
#     a new value of the key that is there: Cache max keys amount exceeded; it is price 1
#     another key, a second after that one expired: Cache max keys amount exceeded
#     and once more, when somebody had asked for the one that expired: set
#
# Succeeds while this is so. What to do instead: delete a key before it is set.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node-cache@5.1.2
cat > try.mjs << 'JS'
import NodeCache from "node-cache"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const cache = new NodeCache({ maxKeys: 1 })
const set = (key, value) => {
  try {
    cache.set(key, value, 1)
    return "set"
  } catch (error) {
    return error.message
  }
}
set("a", "price 1")
console.log(`a new value of the key that is there: ${set("a", "price 2")}; it is ${cache.get("a")}`)
await sleep(2000)
console.log(`another key, a second after that one expired: ${set("b", "price 3")}`)
cache.get("a")
console.log(`and once more, when somebody had asked for the one that expired: ${set("b", "price 3")}`)
cache.close()
JS
expected="a new value of the key that is there: Cache max keys amount exceeded; it is price 1
another key, a second after that one expired: Cache max keys amount exceeded
and once more, when somebody had asked for the one that expired: set"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
