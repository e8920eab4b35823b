#!/usr/bin/env bash
# keyv 5.6.0: `clear()` of one namespace empties the others, where they share a `Map` (or an LRU cache with its interface).
#
# A namespace allows "to clear only a certain namespace while using the same database", and of `clear()` it is said that it deletes
# "all entries in the current namespace". A store may be a `Map`, or anything with its methods, such as an LRU cache, whose size
# one wants to limit once for all. One expects the two to go together, as they do with Redis, all the more as the keys do get their
# namespace. But of such a store `clear()` clears all: logging one user out of a cache of sessions drops the locks, the counters
# and the sessions of everybody, and a test that is content with a `Map` of its own does not see it.
#
# Seen with Node 20 (two namespaces with a key each; one of them is cleared):
#
#     keys: sessions:a, locks:b
#     sessions are cleared; sessions: a undefined, locks: b undefined
#
# Succeeds while this is so. What to do instead: a store for each namespace.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund keyv@5.6.0
cat > try.mjs << 'JS'
import { Keyv } from "keyv"

const store = new Map()
const sessions = new Keyv({ store, namespace: "sessions" })
const locks = new Keyv({ store, namespace: "locks" })
await sessions.set("a", "somebody")
await locks.set("b", "held")
console.log(`keys: ${[...store.keys()].join(", ")}`)
await sessions.clear()
console.log(`sessions are cleared; sessions: a ${await sessions.get("a")}, locks: b ${await locks.get("b")}`)
JS
expected="keys: sessions:a, locks:b
sessions are cleared; sessions: a undefined, locks: b undefined"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
