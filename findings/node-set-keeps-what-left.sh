#!/usr/bin/env bash
# Node 20.20.2 and 22.19.0 (V8): a `Set` or `Map` that has grown old keeps what has been deleted from it, and whatever comes
# and goes after that, until a full collection.
#
# One expects that what was added to a `Set` and deleted again is garbage like any other, which the next young collection
# frees for nothing. But a table that is full of gaps is replaced by another, to which it points, and still holds what was
# in it then. Once such a table is in the old generation, dead as it is, young collections take it for alive: it keeps the
# next table, that one the next, and all that was in each when it was left. So in a server with a `Set` of the requests that
# are out, one quiet moment (two young collections are enough) makes every later request be copied by collections, whose
# pauses grow tenfold. A `Set` to which nothing points helps: `set = new Set(set)` every now and then.
#
# Seen, after 20,000 objects of 1 kB had been in it, three at a time:
#
#     a set that is young keeps less than 1 MB
#     a set that is old keeps more than 10 MB
#     an old set, copied every 256 deletions, keeps less than 1 MB
#     after a full collection the old set keeps less than 1 MB
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.mjs << 'JS'
const young = () => gc({ type: "minor" })
const used = () => (young(), young(), process.memoryUsage().heapUsed / 1e6)

const churn = (isOld, copyEvery) => {
  const before = used()
  let set = new Set([0])
  set.delete(0)
  if (isOld) for (let i = 0; i < 6; i++) young()
  const out = []
  for (let i = 1; i <= 20_000; i++) {
    const one = { payload: new Array(128).fill(i) }
    out.push(one)
    set.add(one)
    if (out.length > 3) set.delete(out.shift())
    if (i % copyEvery === 0) set = new Set(set)
  }
  out.length = 0
  return { set, kept: used() - before }
}
const size = (kept) => kept < 1 ? "less than 1 MB" : kept > 10 ? "more than 10 MB" : `${kept.toFixed(1)} MB`

const fresh = churn(false, Infinity)
console.log("a set that is young keeps", size(fresh.kept))
gc()
const before = process.memoryUsage().heapUsed / 1e6
const old = churn(true, Infinity)
console.log("a set that is old keeps", size(old.kept))
console.log("an old set, copied every 256 deletions, keeps", size(churn(true, 256).kept))
gc()
console.log("after a full collection the old set keeps", size(process.memoryUsage().heapUsed / 1e6 - before), old.set.size > 9 ? "?" : "")
JS
for version in 20.20.2 22.19.0; do
  npx --yes --package "node@$version" node --expose-gc try.mjs | sed 's/ *$//' | tee seen
  diff seen - << 'TXT'
a set that is young keeps less than 1 MB
a set that is old keeps more than 10 MB
an old set, copied every 256 deletions, keeps less than 1 MB
after a full collection the old set keeps less than 1 MB
TXT
done
