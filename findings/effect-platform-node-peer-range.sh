#!/usr/bin/env bash
# @effect/platform-node 4.0.6 with effect 4.1.0: installs without a word, and does not load.
#
# Its peer range is `effect: ^4.0.6`, which 4.1.0 satisfies, so a knowing guess is that the two work together; npm finds nothing
# wrong with the pair, under `--strict-peer-deps` neither. But it imports `effect/Crypto`, which 4.1 has moved, so it loads on no
# Node. The pair is what `npm install effect @effect/platform-node` gives on Node 20: platform-node 4.1.0 wants 22.19, and npm
# takes the newest version whose `engines` fit, while `effect` itself has no such limit.
#
# Seen with Node 20.20.2:
#   npm says of peers: nothing
#   peer range ^4.0.6, effect 4.1.0
#   @effect/platform-node: ERR_MODULE_NOT_FOUND, effect/dist/Crypto.js
#
# What to do instead: Node 22.19 or newer, and platform-node of the same minor as effect.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y > /dev/null
said=$(npm install --no-audit --no-fund --strict-peer-deps --loglevel warn \
  effect@4.1.0 @effect/platform-node@4.0.6 2>&1 | grep -iE "peer|ERESOLVE" || true)
echo "npm says of peers: ${said:-nothing}"
cat > run.mjs << 'JS'
import { readFileSync } from "node:fs"
const of = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"))
console.log(`peer range ${of("@effect/platform-node").peerDependencies.effect}, effect ${of("effect").version}`)
const outcome = await import("@effect/platform-node").then(
  () => "loads",
  (error) => `${error.code}, ${String(error.url ?? error.message).replace(/^.*node_modules\//, "")}`
)
console.log(`@effect/platform-node: ${outcome}`)
if (outcome === "loads") {
  console.log("not as described: they load together")
  process.exit(1)
}
JS
node run.mjs
[ -z "$said" ] || { echo "not as described: npm has something to say"; exit 1; }
