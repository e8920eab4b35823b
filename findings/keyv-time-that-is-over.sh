#!/usr/bin/env bash
# keyv 6.1.0 and cacheable 2.5.0: what is set for a time that is over already, is kept for ever.
#
# How long a token or an answer may be kept is mostly a difference: `set(key, token, token.expiresAt - Date.now())`. Where it is below 0, as
# the request took longer than the token lives, the clocks differ, or it came expired, one expects what other caches do: not to keep
# it, or to refuse it. But a time to live that is not above 0 is none here, and none is for ever: the one value that should not
# be kept at all is the one that never ends. (0 means "for ever" in many of them, which is an old custom; -1000 does not.)
#
# Seen with Node 20 (set for -1000 ms, read then; @isaacs/ttlcache throws):
#
#     keyv 6.1.0: kept
#     cacheable 2.5.0: kept
#     cache-manager 7.2.9: not kept
#     node-cache 5.1.2: not kept
#     lru-cache 11.5.3: not kept
#     quick-lru 7.3.0: not kept
#     @isaacs/ttlcache 2.1.5: refused
#
# Succeeds while this is so. What to do instead: look at the time before.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund keyv@6.1.0 cacheable@2.5.0 cache-manager@7.2.9 node-cache@5.1.2 lru-cache@11.5.3 \
  quick-lru@7.3.0 @isaacs/ttlcache@2.1.5 2> /dev/null
cat > try.mjs << 'JS'
import { readFileSync } from "node:fs"
import { TTLCache } from "@isaacs/ttlcache"
import { createCache } from "cache-manager"
import { Cacheable } from "cacheable"
import { Keyv } from "keyv"
import { LRUCache } from "lru-cache"
import NodeCache from "node-cache"
import QuickLRU from "quick-lru"

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"))
const look = async (name, cache, set) => {
  const seen = await (async () => {
    await set(cache, -1000)
    await new Promise((resolve) => setTimeout(resolve, 100))
    return await cache.get("key") === undefined ? "not kept" : "kept"
  })().catch(() => "refused")
  console.log(`${name} ${dependencies[name].replace("^", "")}: ${seen}`)
}
const inMs = (cache, ttl) => cache.set("key", "value", ttl)
await look("keyv", new Keyv(), inMs)
await look("cacheable", new Cacheable(), inMs)
await look("cache-manager", createCache(), inMs)
await look("node-cache", new NodeCache(), (cache, ttl) => cache.set("key", "value", ttl / 1000))
await look("lru-cache", new LRUCache({ max: 10 }), (cache, ttl) => cache.set("key", "value", { ttl }))
await look("quick-lru", new QuickLRU({ maxSize: 10 }), (cache, maxAge) => cache.set("key", "value", { maxAge }))
await look("@isaacs/ttlcache", new TTLCache({ max: 10, ttl: 1000 }), (cache, ttl) => cache.set("key", "value", { ttl }))
process.exit()
JS
expected="keyv 6.1.0: kept
cacheable 2.5.0: kept
cache-manager 7.2.9: not kept
node-cache 5.1.2: not kept
lru-cache 11.5.3: not kept
quick-lru 7.3.0: not kept
@isaacs/ttlcache 2.1.5: refused"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
