#!/usr/bin/env bash
# lmdb 3.5.6: what one task wrote, and was told to be saved, is gone when another task's transaction fails.
#
# `childTransaction` takes an asynchronous function, and undoes what it did if it fails. The README says of asynchronous functions that
# "other code may execute operations that would end up in the current transaction and may result in a surprising order". So one
# expects a `put` of another task that comes meanwhile to be early or late. It is part of the child transaction: its promise resolves
# at once with `true`, even before anything is committed, and when the other task fails it is undone along with that, unsaid. So is
# `putSync`, a whole `transactionSync`, and `ifNoExists`, the way to take a lock: it says that one has it, and nobody has.
#
# Seen with Node 20 (one task's child transaction waits for something; another task writes; then the first one fails):
#
#     put: told true, before the other one has ended; there afterwards: no
#     putSync: told true, before the other one has ended; there afterwards: no
#     transactionSync: told "done", before the other one has ended; there afterwards: no
#     ifNoExists: told true, before the other one has ended; there afterwards: no
#     what the first one wrote is there afterwards: no
#
# Succeeds while this is so. What to do instead: functions that are not asynchronous for transactions.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lmdb@3.5.6
cat > try.mjs << 'JS'
import { open } from "lmdb"

const db = open({ path: "data" })
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const there = (key) => db.get(key) === undefined ? "no" : "yes"
const ways = {
  put: (key) => db.put(key, "mine"),
  putSync: (key) => db.putSync(key, "mine"),
  transactionSync: (key) => db.transactionSync(() => (db.put(key, "mine"), "done")),
  ifNoExists: (key) => db.ifNoExists(key, () => void db.put(key, "mine"))
}
for (const [name, way] of Object.entries(ways)) {
  let begun, fail, ended = false
  const begins = new Promise((resolve) => begun = resolve)
  const failure = new Promise((_, reject) => fail = reject)
  const first = db.childTransaction(() => {
    db.put(`first ${name}`, 1)
    begun()
    return failure
  }).catch((error) => (ended = true, error.message))
  await begins
  let told
  const second = Promise.resolve(way(name)).then((it) => {
    told = `told ${JSON.stringify(it)}, ${ended ? "after" : "before"} the other one has ended`
  })
  await sleep(200)
  fail(new Error("no"))
  await Promise.all([first, second])
  await sleep(200)
  console.log(`${name}: ${told}; there afterwards: ${there(name)}`)
}
console.log(`what the first one wrote is there afterwards: ${there("first put")}`)
process.exit()
JS
expected='put: told true, before the other one has ended; there afterwards: no
putSync: told true, before the other one has ended; there afterwards: no
transactionSync: told "done", before the other one has ended; there afterwards: no
ifNoExists: told true, before the other one has ended; there afterwards: no
what the first one wrote is there afterwards: no'
seen=$(timeout 60 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
