#!/usr/bin/env bash
# @cacheable/memoize 2.0.3, as it is installed today: a memoized function gives one result, whatever its arguments.
#
# `wrap(fn, { cache })` keeps a result for each set of arguments. The package asks for `@cacheable/utils` of `^2.0.3`, and npm
# gives it 2.5.0, with no complaint. There `hash` has become asynchronous: it gives a promise, whose text goes into the key, and
# each key ends in `[object Promise]`. So the price of one article is given for each other one, and one user's data for the next
# one's, until the time to live is over; nothing is thrown. With utils 2.0.3 it is as it should be. `cacheable` itself, whose
# method `wrap` does the same and comes with the same utils, is not affected.
#
# Seen with cacheable 2.5.0, Node 20:
#
#     utils 2.5.0, wrap: 1 is 1, 2 is 1, [object Promise] in the key: true
#     utils 2.5.0, cache.wrap: 1 is 1, 2 is 2
#     utils 2.0.3, wrap: 1 is 1, 2 is 2, [object Promise] in the key: false
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @cacheable/memoize@2.0.3 @cacheable/utils@2.5.0 cacheable@2.5.0
cat > try.mjs << 'JS'
import { createWrapKey, wrap } from "@cacheable/memoize"
import { Cacheable } from "cacheable"
import { readFileSync } from "node:fs"

const { version } = JSON.parse(readFileSync("node_modules/@cacheable/utils/package.json"))
const load = async (id) => id
const two = async (wrapped) => `1 is ${await wrapped(1)}, 2 is ${await wrapped(2)}`
const inKey = createWrapKey(load, [1]).includes("[object Promise]")
console.log(
  `utils ${version}, wrap: ${await two(wrap(load, { cache: new Cacheable() }))}, [object Promise] in the key: ${inKey}`
)
if (version === "2.5.0") console.log(`utils ${version}, cache.wrap: ${await two(new Cacheable().wrap(load, {}))}`)
JS
expected="utils 2.5.0, wrap: 1 is 1, 2 is 1, [object Promise] in the key: true
utils 2.5.0, cache.wrap: 1 is 1, 2 is 2
utils 2.0.3, wrap: 1 is 1, 2 is 2, [object Promise] in the key: false"
seen=$(node try.mjs && npm install --silent --no-audit --no-fund @cacheable/utils@2.0.3 && node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
