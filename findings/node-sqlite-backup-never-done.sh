#!/usr/bin/env bash
# Node 24.21.0, `node:sqlite`: `backup()` of a database that somebody else writes to begins again at each write, and may never be done.
#
# `backup(database, path)` copies a database that is in use, some pages at a time (`rate`), so that others can write meanwhile: one
# expects it to take a while, and to be a copy of one moment. While the same connection writes, it is. But a write by another
# connection, of this process or of another one, makes it begin at the first page again. Where there is one within each run
# through all pages, a counter of requests for instance, it reads at full speed for ever, and the promise is never settled; on a quiet test
# system it takes no time. With a `rate` of all pages it is done in one step, and the program waits for it.
#
# Seen with Node 24 (a database of 5 MB; a write each 5 ms for three seconds):
#
#     nobody writes: done, began 1 time
#     the same connection writes: done, began 1 time
#     another connection writes: not done after 3 s, began more than 50 times
#     another connection writes, rate 1e9: done, began 1 time
#     another connection writes, vacuum into: done
#
# Succeeds while this is so. What to do instead: `vacuum into`, or one step (a `rate` of more pages than there are), perhaps in a thread.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@24.21.0
cat > try.mjs << 'JS'
import { rmSync } from "node:fs"
import { backup, DatabaseSync } from "node:sqlite"

const database = new DatabaseSync("shop.db")
database.exec("pragma journal_mode = wal; create table page (content blob); begin")
const insert = database.prepare("insert into page values (zeroblob(1000))")
for (let i = 0; i < 5000; i++) insert.run()
database.exec("commit")
const other = new DatabaseSync("shop.db", { timeout: 1000 })
const insertOther = other.prepare("insert into page values (zeroblob(1000))")

const sleep = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value))
const seen = async (name, write, rate) => {
  let began = 1
  let before = Infinity
  const progress = ({ remainingPages }) => {
    if (remainingPages > before) began++
    before = remainingPages
  }
  const timer = setInterval(write, 5)
  const copied = backup(database, `${name.length}.db`, { rate, progress }).then(() => "done")
  const result = await Promise.race([copied, sleep(3000, "not done after 3 s")])
  clearInterval(timer)
  console.log(`${name}: ${result}, began ${began > 50 ? "more than 50 times" : `${began} time${began === 1 ? "" : "s"}`}`)
  await copied
}
await seen("nobody writes", () => {}, 20)
await seen("the same connection writes", () => insert.run(), 20)
await seen("another connection writes", () => insertOther.run(), 20)
await seen("another connection writes, rate 1e9", () => insertOther.run(), 1e9)
const timer = setInterval(() => insertOther.run(), 5)
await sleep(20)
rmSync("copy.db", { force: true })
database.exec("vacuum into 'copy.db'")
console.log("another connection writes, vacuum into: done")
clearInterval(timer)
JS
expected="nobody writes: done, began 1 time
the same connection writes: done, began 1 time
another connection writes: not done after 3 s, began more than 50 times
another connection writes, rate 1e9: done, began 1 time
another connection writes, vacuum into: done"
seen=$(node_modules/.bin/node --no-warnings try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
