#!/usr/bin/env bash
# bentocache 1.6.1: when a load fails, those who waited for it and those who come then load at the same time.
#
# "Cache stampede protection" lets one caller load a key while the others wait. One expects that to hold for as long as it
# takes: when a load fails, the next of those who wait tries, or all are told. The next one does try, alone of those who waited.
# But the lock of the key was forgotten when the first gave it back, though others still waited on it. So whoever comes from
# then on finds no lock, makes another, and loads beside them; and as each one that ends forgets the lock of the key, whosever
# it is, it goes on like that for as long as loads fail. It holds while all is well, and lets go when the database is down. With
# one caller each 50 ms and loads of 200 ms, five at once were seen.
#
# Seen with Node 20 (two ask at once; a third asks while the second loads):
#
#     loads that succeed: at most 1 at once
#     the first one fails: at most 2 at once
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bentocache@1.6.1
cat > try.mjs << 'JS'
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
for (const fails of [false, true]) {
  const store = bentostore().useL1Layer(memoryDriver())
  const cache = new BentoCache({ default: "memory", stores: { memory: store } })
  let running = 0
  let most = 0
  let count = 0
  const factory = async () => {
    const n = ++count
    most = Math.max(most, ++running)
    await sleep(1000)
    running--
    if (fails && n <= 2) throw new Error("the database is down")
    return n
  }
  const ask = () => cache.getOrSet({ key: "key", factory, ttl: "1h" }).catch(() => {})
  const first = ask()
  const others = [ask()]
  await first
  await sleep(100)
  others.push(ask())
  await Promise.all(others)
  console.log(`${fails ? "the first one fails" : "loads that succeed"}: at most ${most} at once`)
}
process.exit()
JS
expected="loads that succeed: at most 1 at once
the first one fails: at most 2 at once"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
