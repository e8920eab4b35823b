#!/usr/bin/env bash
# Node 24.21.0 and 26.10.0, `node:sqlite`: with `timeout: 5000`, a transaction that reads before it writes fails at once, when nobody holds a lock.
#
# `new DatabaseSync(path, { timeout: 5000 })` is how long to wait for a lock, and with a write-ahead log (WAL) readers and the writer do not stand in
# each other's way. So one expects a transaction that looks for a job, and then marks it, to wait for another writer, five seconds at
# most. But `BEGIN` takes what is there at its first read for the whole transaction. Once anybody has written since, it may
# not write any more, however long it waits, so it does not wait: "database is locked" (517, SQLITE_BUSY_SNAPSHOT), after
# 0 ms, though the other one has long committed and nothing is locked. Trying the statement again gives the same for
# ever; the transaction has to be rolled back and begun again. With `BEGIN IMMEDIATE` the wait is the one that was asked for.
#
# Seen (one reads, another one writes and is done, the first writes):
#
#     v24.21.0: BEGIN: database is locked (517), without a wait; again: database is locked (517); BEGIN IMMEDIATE: the other one waits, both rows are there
#     v26.10.0: BEGIN: database is locked (517), without a wait; again: database is locked (517); BEGIN IMMEDIATE: the other one waits, both rows are there
#
# Succeeds while this is so. What to do instead: `BEGIN IMMEDIATE` for whatever is going to write.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > other.mjs << 'JS'
import { DatabaseSync } from "node:sqlite"

const db = new DatabaseSync(process.argv[2], { timeout: 5000 })
console.log("tries")
const began = Date.now()
db.exec("INSERT INTO job VALUES ('other')")
console.log(Date.now() - began >= 300 ? "waited" : "did not wait")
JS
cat > try.mjs << 'JS'
import { spawn } from "node:child_process"
import { once } from "node:events"
import { DatabaseSync } from "node:sqlite"

const open = (path) => {
  const db = new DatabaseSync(path, { timeout: 5000 })
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS job (name TEXT)")
  return db
}
const write = (db) => {
  const began = Date.now()
  try {
    db.exec("INSERT INTO job VALUES ('mine')")
    return "written"
  } catch (error) {
    return `${error.message} (${error.errcode})${Date.now() - began < 2500 ? "" : ", after a wait"}`
  }
}
const path = `${process.version}.db`
const [first, second] = [open(path), open(path)]
first.exec("BEGIN")
first.prepare("SELECT * FROM job").all()
second.exec("INSERT INTO job VALUES ('other')")
const told = `${write(first)}, without a wait; again: ${write(first)}`
first.exec("ROLLBACK; DELETE FROM job; BEGIN IMMEDIATE")
first.prepare("SELECT * FROM job").all()
const other = spawn(process.execPath, ["other.mjs", path])
const said = []
other.stdout.setEncoding("utf8").on("data", (text) => said.push(...text.trim().split("\n")))
await once(other.stdout, "data")
await new Promise((resolve) => setTimeout(resolve, 700))
write(first)
first.exec("COMMIT")
await once(other, "close")
const { rows } = first.prepare("SELECT count(*) AS rows FROM job").get()
console.log(`${process.version}: BEGIN: ${told}; BEGIN IMMEDIATE: the other one ${said[1] === "waited" ? "waits" : said[1]}, ${rows === 2 ? "both rows are" : `${rows} rows are`} there`)
JS
expected=$(for version in v24.21.0 v26.10.0; do
  echo "$version: BEGIN: database is locked (517), without a wait; again: database is locked (517); BEGIN IMMEDIATE: the other one waits, both rows are there"
done)
seen=$(for name in node24 node26; do "node_modules/$name/bin/node" --no-warnings try.mjs; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
