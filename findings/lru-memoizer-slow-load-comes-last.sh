#!/usr/bin/env bash
# lru-memoizer 3.0.0 (jwks-rsa and others): a load that takes more than a second is begun again, and the older one has the last word.
#
# A memoized function is loaded once for all who ask for it meanwhile: they wait in a queue. One expects that of a slow load too, where it
# counts the most. But the queue is taken for dead after a second (`queueTTL`), and who asks then begins another load beside the one that
# is at work: a backend that has become slow is asked the more. And the first one, when it is there at last, puts what it read at its
# beginning in the place of what was read since, for as long as a value is kept: a key that was replaced, and seen to be, is the old one
# again for an hour.
#
# Seen (a value that is changed while the first load is on its way, which takes three seconds; the second one takes 100 ms):
#
#     default: loads 2; the second one is given the new key, the third one the old key
#     a queueTTL of ten seconds: loads 1; the second one is given the old key, the third one the old key
#
# Succeeds while this is so. What to do instead: a `queueTTL` that is longer than the time limit of a load.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lru-memoizer@3.0.0
cat > try.mjs << 'JS'
import memoizer from "lru-memoizer"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, options) => {
  let value = "the old key"
  let takes = 3000
  let loads = 0
  const read = memoizer({
    max: 10,
    ttl: 3_600_000,
    hash: (id) => id,
    load: (_, done) => {
      loads++
      setTimeout(done, takes, null, value)
    },
    ...options
  })
  const ask = () => new Promise((resolve) => read("signing", (_, value) => resolve(value)))
  const first = ask()
  await sleep(1500)
  value = "the new key"
  takes = 100
  const second = await ask()
  await first
  await sleep(500)
  console.log(`${words}: loads ${loads}; the second one is given ${second}, the third one ${await ask()}`)
}
await look("default", {})
await look("a queueTTL of ten seconds", { queueTTL: 10_000 })
JS
expected="default: loads 2; the second one is given the new key, the third one the old key
a queueTTL of ten seconds: loads 1; the second one is given the old key, the third one the old key"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
