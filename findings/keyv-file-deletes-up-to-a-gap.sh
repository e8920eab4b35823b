#!/usr/bin/env bash
# keyv-file 5.3.5: `deleteMany` stops at the first key that is not there, and what comes after it stays.
#
# To delete several keys, for a user who was changed or an order that was cancelled, is to have none of them afterwards; which of
# them were there does not matter, and in a cache some are always gone. And so it is with each other store of Keyv, and with this one
# with `separatedFile: true`. But in its usual form it deletes one after the other as long as each one was there: with a first key that
# has expired, nothing is deleted. It says `false`, which is what it says, with a file for each key, of keys of which one was missing.
#
# Seen with Node 20 (a, b and c are there; none is not):
#
#     delete none, a, b: false; left: a b c
#     delete a, none, b: false; left: b c
#     with `separatedFile`, delete none, a, b: false; left: c
#     Keyv on keyv-file, delete none, a, b: left: a b c
#     Keyv on a Map, delete none, a, b: left: c
#
# Succeeds while this is so. What to do instead: `delete`, for each key.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund keyv-file@5.3.5 keyv@5.6.0
cat > try.mjs << 'JS'
import Keyv from "keyv"
import { KeyvFile } from "keyv-file"

let files = 0
const file = (options = {}) => new KeyvFile({ filename: `${process.cwd()}/${++files}.json`, writeDelay: 1, ...options })
const look = async (words, store, keys, says = true) => {
  const all = ["a", "b", "c"]
  for (const key of all) await store.set(key, key)
  const said = await (store instanceof Keyv ? store.delete(keys) : store.deleteMany(keys))
  const left = []
  for (const key of all) if ((await store.get(key)) !== undefined) left.push(key)
  console.log(`${words}delete ${keys.join(", ")}: ${says ? `${said}; ` : ""}left: ${left.join(" ")}`)
}
const early = ["none", "a", "b"]
await look("", file(), early)
await look("", file(), ["a", "none", "b"])
await look("with `separatedFile`, ", file({ separatedFile: true }), early)
await look("Keyv on keyv-file, ", new Keyv({ store: file() }), early, false)
await look("Keyv on a Map, ", new Keyv({ store: new Map() }), early, false)
JS
expected="delete none, a, b: false; left: a b c
delete a, none, b: false; left: b c
with \`separatedFile\`, delete none, a, b: false; left: c
Keyv on keyv-file, delete none, a, b: left: a b c
Keyv on a Map, delete none, a, b: left: c"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
