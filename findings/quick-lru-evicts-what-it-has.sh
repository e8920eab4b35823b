#!/usr/bin/env bash
# quick-lru 7.3.0: a value that is set again, to renew it, is evicted while it stays in the cache.
#
# `onEviction` is called "right before an item is evicted", for items that "need explicit cleanup": a connection, an object URL. One
# sets the same value again to give it a new `maxAge`, and expects it to be one entry with a new time. But what is set goes into a
# new half of the cache, and the old half is not looked at: when that is thrown away, the eviction of the key is told, with the
# value that the new half has, too. So it is cleaned up while it is in the cache, and handed out closed from then on. A key that was
# only read is moved from one half to the other, so the same use with `get` alone is right.
#
# Seen with Node 20 (`maxSize: 2`; "a" and "b" are set, "a" is read, or set again, and then "c" is set):
#
#     read: evicted b; in the cache: a, c
#     set again: evicted a, b; in the cache: a, c
#
# Succeeds while this is so. What to do instead: `delete(key)` before `set(key, value)`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund quick-lru@7.3.0
cat > try.mjs << 'JS'
import QuickLRU from "quick-lru"

const look = (words, use) => {
  const evicted = []
  const cache = new QuickLRU({ maxSize: 2, maxAge: 60_000, onEviction: (_, value) => evicted.push(value.name) })
  const [a, b, c] = ["a", "b", "c"].map((name) => ({ name }))
  cache.set("a", a)
  cache.set("b", b)
  use(cache, a)
  cache.set("c", c)
  console.log(`${words}: evicted ${evicted.sort().join(", ")}; in the cache: ${[...cache.keys()].sort().join(", ")}`)
}
look("read", (cache) => cache.get("a"))
look("set again", (cache, a) => cache.set("a", a))
JS
expected="read: evicted b; in the cache: a, c
set again: evicted a, b; in the cache: a, c"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
