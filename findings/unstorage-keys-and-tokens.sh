#!/usr/bin/env bash
# unstorage 1.17.6: addresses that differ in their query are one key, "42" comes back as a number, and `clear()` of a prefix clears nothing.
#
# A store of keys and values gives what was set under the key under which it was set. One expects it of any key and any text. But of a key
# all that comes after a "?" is left out, so page 2 of a list is page 1, for all who cache answers by their address (and "/", "\" and ":"
# are the same). A text is read as JSON if it can be: "42" comes back as a number, "1e3" as 1000 and "true" as a boolean, so a holder
# whose token happens to be of that kind, one hexadecimal one in some hundreds, reads its own lock and takes it for somebody else's. And
# `clear()` of `prefixStorage(storage, "user")`, whose `getKeys()` gives its keys, resolves and removes none.
#
# Seen (the store in memory):
#
#     page 1: the next ten; keys: products
#     token "4e12": of another: number 4000000000000
#     token "0042": mine
#     token "73190": of another: number 73190
#     users: 1,2; after clear(): 1,2
#
# Succeeds while this is so. What to do instead: keys that are encoded (`encodeURIComponent`), texts with a letter before them, and
# `removeItem` of each key.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund unstorage@1.17.6
cat > try.mjs << 'JS'
import { createStorage, prefixStorage } from "unstorage"

const storage = createStorage()
await storage.setItem("/products?page=1", "the first ten")
await storage.setItem("/products?page=2", "the next ten")
console.log(`page 1: ${await storage.getItem("/products?page=1")}; keys: ${await storage.getKeys()}`)

for (const token of ["4e12", "0042", "73190"]) {
  await storage.setItem("lock", token)
  const held = await storage.getItem("lock")
  console.log(`token "${token}": ${held === token ? "mine" : `of another: ${typeof held} ${held}`}`)
}

await storage.setItem("user:1", "alice")
await storage.setItem("user:2", "bob")
const users = prefixStorage(storage, "user")
const before = await users.getKeys()
await users.clear()
console.log(`users: ${before}; after clear(): ${await users.getKeys()}`)
JS
expected='page 1: the next ten; keys: products
token "4e12": of another: number 4000000000000
token "0042": mine
token "73190": of another: number 73190
users: 1,2; after clear(): 1,2'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
