#!/usr/bin/env bash
# @isaacs/ttlcache 2.1.5: in a process that has been up for 50 days, entries are there after their time, and the wrong ones are evicted.
#
# The cache finds what has expired by going through the times of its entries from the soonest to the latest, which are the keys of
# an object: such "with solely integer-numeric keys are iterated in sorted numeric order". That is so for array indexes alone,
# which end at 4,294,967,294. The times are milliseconds since the process began. After 49.7 days they are beyond that, and from
# there on the keys are in the order in which they were added. So whatever lives for longer, and was added before, hides all
# that has expired: it is given as if it were fresh (a token, a session, a lock), and with `max` it is not the soonest that is
# evicted but the one that was added first. A restart hides it for fifty days.
#
# Seen with Node 20 (a clock that says how long the process has been up; an entry of an hour, then one of 200 ms, a second later):
#
#     up for 0 days: the entry of 200 ms is gone, with 0 ms to live; of three entries, two at most: long, third
#     up for 50 days: the entry of 200 ms is there, with 0 ms to live; of three entries, two at most: third, short
#
# Succeeds while this is so. What to do instead: `checkAgeOnGet`, and one time to live for all entries of a cache.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @isaacs/ttlcache@2.1.5
cat > try.mjs << 'JS'
const days = Number(process.argv[2])
const now = performance.now.bind(performance)
performance.now = () => now() + days * 24 * 60 * 60 * 1000
const { TTLCache } = await import("@isaacs/ttlcache")

const hour = 60 * 60 * 1000
const cache = new TTLCache({ ttl: hour })
cache.set("long", 1)
cache.set("short", 2, { ttl: 200 })
await new Promise((resolve) => setTimeout(resolve, 1000))
const seen = cache.get("short") === undefined ? "gone" : "there"
const left = cache.getRemainingTTL("short")
const small = new TTLCache({ max: 2, ttl: hour })
small.set("long", 1)
small.set("short", 2, { ttl: 10_000 })
small.set("third", 3)
console.log(
  `up for ${days} days: the entry of 200 ms is ${seen}, with ${left} ms to live; ` +
    `of three entries, two at most: ${[...small.keys()].join(", ")}`
)
process.exit()
JS
expected="up for 0 days: the entry of 200 ms is gone, with 0 ms to live; of three entries, two at most: long, third
up for 50 days: the entry of 200 ms is there, with 0 ms to live; of three entries, two at most: third, short"
seen=$(node try.mjs 0; node try.mjs 50)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
