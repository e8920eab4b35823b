#!/usr/bin/env bash
# cache-manager 7.2.9: with `nonBlocking`, the first store's miss is the answer, and the second store is never heard.
#
# Of `nonBlocking: true` the manual says that `get` and `mget` "will return the first (fastest) value found" in the stores, and
# `wrap` "the first value found". One expects a store that has nothing to be passed over. But the stores race, and what the
# first to answer says is taken, a miss as well. The first is always the one in memory. So after a start, or on another server,
# nothing of what is in the shared store is ever found: `get` says there is nothing, while without the option the same two
# stores give the value. `wrap` does not race; it asks the stores one after another, as without the option.
#
# Seen with keyv 5.6.0, Node 20 (an empty store in memory, and one that has the value and takes 100 ms):
#
#     blocking: get value, mget value, wrap value
#     nonBlocking: get undefined, mget undefined, wrap value
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cache-manager@7.2.9 keyv@5.6.0
cat > try.mjs << 'JS'
import { createCache } from "cache-manager"
import { Keyv } from "keyv"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
class Slow extends Map {
  async get(key) {
    await sleep(100)
    return super.get(key)
  }
  async getMany(keys) {
    await sleep(100)
    return keys.map((key) => super.get(key))
  }
}
for (const nonBlocking of [false, true]) {
  const make = async () => {
    const shared = new Keyv({ store: new Slow() })
    await shared.set("key", "value")
    return createCache({ stores: [new Keyv(), shared], nonBlocking })
  }
  const got = await (await make()).get("key")
  const [many] = await (await make()).mget(["key"])
  const wrapped = await (await make()).wrap("key", async () => "loaded anew")
  console.log(`${nonBlocking ? "nonBlocking" : "blocking"}: get ${got}, mget ${many}, wrap ${wrapped}`)
}
JS
expected="blocking: get value, mget value, wrap value
nonBlocking: get undefined, mget undefined, wrap value"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
