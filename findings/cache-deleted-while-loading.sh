#!/usr/bin/env bash
# bentocache 1.6.1, cache-manager 7.2.9 and async-cache-dedupe 3.4.0: what is deleted or set anew while it is loaded comes back.
#
# These caches load a value once for all who ask ("stampede protection"). Who changes a row deletes its key, or puts the new
# value there, and expects that whoever asks later sees the change, as with memoizee 0.4.17 and dataloader 2.2.3. But a load
# that is under way, with the old row in hand, is not told: those who ask after the deletion are given its result, and when it
# ends it is stored for its whole time to live, over a newer value that was set meanwhile. Tags do not help, although they go
# by time: an entry counts as made when the load ends. Deleting thus works best on keys that nobody reads. Of the two ways of
# async-cache-dedupe, `clear` of a key does reach the load, and `invalidate` of a reference does not.
#
# Seen with Node 20 (a load takes 300 ms and reads 1 at its start; the row becomes 2, and the key is deleted or set to 2):
#
#     bentocache, delete: asked at once 1, later 1
#     bentocache, deleteByTag: asked at once 1, later 1
#     bentocache, set: asked at once 2, later 1
#     cache-manager, del: asked at once 1, later 1
#     cache-manager, set: asked at once 1, later 1
#     async-cache-dedupe, invalidate: asked at once 1, later 1
#     async-cache-dedupe, clear: asked at once 2, later 2
#     memoizee, delete: asked at once 2, later 2
#     dataloader, clear: asked at once 2, later 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bentocache@1.6.1 cache-manager@7.2.9 async-cache-dedupe@3.4.0 memoizee@0.4.17 dataloader@2.2.3
cat > try.mjs << 'JS'
import { createCache as createDedupe } from "async-cache-dedupe"
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { createCache as createManager } from "cache-manager"
import DataLoader from "dataloader"
import memoizee from "memoizee"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let row
const load = async () => {
  const read = row
  await sleep(300)
  return read
}
const look = async (name, get, change) => {
  row = 1
  const first = get()
  await sleep(100)
  row = 2
  await change()
  const atOnce = await get()
  await first
  await sleep(400)
  console.log(`${name}: asked at once ${atOnce}, later ${await get()}`)
}

const bento = new BentoCache({ default: "one", stores: { one: bentostore().useL1Layer(memoryDriver({})) } })
const bentoGet = (key) => () => bento.getOrSet({ key, ttl: "10m", tags: [`tag of ${key}`], factory: load })
await look("bentocache, delete", bentoGet("a"), () => bento.delete({ key: "a" }))
await look("bentocache, deleteByTag", bentoGet("b"), () => bento.deleteByTag({ tags: ["tag of b"] }))
await look("bentocache, set", bentoGet("c"), () => bento.set({ key: "c", value: 2, ttl: "10m" }))

const manager = createManager({ ttl: 600_000 })
await look("cache-manager, del", () => manager.wrap("a", load), () => manager.del("a"))
await look("cache-manager, set", () => manager.wrap("b", load), () => manager.set("b", 2))

const storage = { type: "memory", options: { invalidation: true } }
const dedupe = createDedupe({ ttl: 600, storage }).define("load", { references: (key) => [`of ${key}`] }, load)
await look("async-cache-dedupe, invalidate", () => dedupe.load("a"), () => dedupe.invalidate("load", ["of a"]))
await look("async-cache-dedupe, clear", () => dedupe.load("b"), () => dedupe.clear("load", "b"))

const memoized = memoizee(load, { promise: true })
await look("memoizee, delete", () => memoized("a"), () => memoized.delete("a"))
const loader = new DataLoader(async () => [await load()])
await look("dataloader, clear", () => loader.load("a"), () => loader.clear("a"))
process.exit()
JS
expected="bentocache, delete: asked at once 1, later 1
bentocache, deleteByTag: asked at once 1, later 1
bentocache, set: asked at once 2, later 1
cache-manager, del: asked at once 1, later 1
cache-manager, set: asked at once 1, later 1
async-cache-dedupe, invalidate: asked at once 1, later 1
async-cache-dedupe, clear: asked at once 2, later 2
memoizee, delete: asked at once 2, later 2
dataloader, clear: asked at once 2, later 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
