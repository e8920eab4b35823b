#!/usr/bin/env bash
# lmdb 3.5.6: a `transaction` whose function throws is rejected, and what it wrote until then is saved.
#
# "The code in the callback can perform multiple database operations atomically and isolated (fully ACID compliant)", says the README of
# `transaction`, and where its promise is rejected, one expects nothing of it to be there, as with `transactionSync`, which is
# described by the same words. But transactions of one moment are committed together, so that one alone cannot be undone: the
# error is passed on, and the first half is committed, for other processes and after a restart as well. `return ABORT`, which is
# how one gives up on purpose, saves it too, and resolves. Only `childTransaction` undoes.
#
# Seen with Node 20 (10 are moved from `a` to `b`, which have 100 each; it throws after the first half):
#
#     transaction: no such account; afterwards, opened anew: a 90, b 100
#     transaction, asynchronous: no such account; afterwards, opened anew: a 90, b 100
#     transaction, ABORT: resolved; afterwards, opened anew: a 90, b 100
#     transactionSync: no such account; afterwards, opened anew: a 100, b 100
#     childTransaction: no such account; afterwards, opened anew: a 100, b 100
#
# Succeeds while this is so. What to do instead: `childTransaction`, or `transactionSync`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lmdb@3.5.6
cat > try.mjs << 'JS'
import { ABORT, open } from "lmdb"

const fail = () => {
  throw new Error("no such account")
}
const half = (db) => db.put("a", db.get("a") - 10)
const ways = {
  transaction: (db) => db.transaction(() => (half(db), fail())),
  "transaction, asynchronous": (db) => db.transaction(async () => (half(db), fail())),
  "transaction, ABORT": (db) => db.transaction(() => (half(db), ABORT)),
  transactionSync: async (db) => db.transactionSync(() => (half(db), fail())),
  childTransaction: (db) => db.childTransaction(() => (half(db), fail()))
}
for (const [name, way] of Object.entries(ways)) {
  const path = name.replaceAll(/\W/g, "")
  let db = open({ path })
  await Promise.all([db.put("a", 100), db.put("b", 100)])
  const said = await way(db).then(() => "resolved", (error) => error.message)
  await db.close()
  db = open({ path })
  console.log(`${name}: ${said}; afterwards, opened anew: a ${db.get("a")}, b ${db.get("b")}`)
  await db.close()
}
process.exit()
JS
expected="transaction: no such account; afterwards, opened anew: a 90, b 100
transaction, asynchronous: no such account; afterwards, opened anew: a 90, b 100
transaction, ABORT: resolved; afterwards, opened anew: a 90, b 100
transactionSync: no such account; afterwards, opened anew: a 100, b 100
childTransaction: no such account; afterwards, opened anew: a 100, b 100"
seen=$(timeout 60 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
