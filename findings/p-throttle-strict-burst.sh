#!/usr/bin/env bash
# p-throttle 8.1.1: with `strict`, calls that a busy program kept from starting all start together.
#
# `strict` is for "ensuring the limit is not exceeded for any interval", and one knows that timers are late when a program is
# busy. One expects those that are late to be late one after another. But each waiting call has a timer of its own, set when it
# was made, and nobody counts when it fires. So after three seconds of work that does not yield (a large JSON, a slow
# synchronous query, a laptop that slept) all that became due meanwhile starts in one moment: the limit is exceeded just as the
# other side is least prepared. With a `weight` of 1 for each call the times are looked at once more when the timer fires, and
# the limit holds.
#
# Seen with Node 20 (2 in 1,000 ms, 8 calls at once, the program is busy for 3 s; the most within 500 ms):
#
#     strict: 6
#     strict, with a weight of 1: 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-throttle@8.1.1
cat > try.mjs << 'JS'
import pThrottle from "p-throttle"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
for (const [name, more] of Object.entries({ "strict": {}, "strict, with a weight of 1": { weight: () => 1 } })) {
  const times = []
  const throttled = pThrottle({ limit: 2, interval: 1000, strict: true, ...more })(() => times.push(Date.now()))
  const all = Array.from({ length: 8 }, () => throttled())
  await sleep(200)
  const until = times[0] + 3300
  while (Date.now() < until);
  await Promise.all(all)
  const within = (from) => times.filter((time) => time >= from && time < from + 500).length
  console.log(`${name}: ${Math.max(...times.map(within))}`)
}
JS
expected="strict: 6
strict, with a weight of 1: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
