#!/usr/bin/env bash
# Node 22.19.0, 24.21.0 and 26.10.0, `node:sqlite`: while one goes through rows, the whole program reads what was, and cannot write.
#
# `statement.iterate()` gives rows one by one, for tables that are too large for `all()`. With WAL, "readers do not block writers", so
# one expects a loop that does something slow with each row to disturb nobody, and other parts of the program, which use the
# same database object, as is the custom, to go on as ever. But all statements of an object share one transaction, and the loop
# keeps it open: as soon as another process has written anything, everybody here reads the state of the loop's begin, and each write
# fails with "database is locked", at once whatever the `timeout`, though nobody holds a lock. That goes on until the loop is over;
# after `iterate().next().value`, a way to ask for one row, until the iterator happens to be collected.
#
# Seen (there are three rows; another process adds a fourth; the timeout is 5 s):
#
#     within the loop: counts 3, other: 4; writes: database is locked, waited: no
#     after the loop: counts 4, other: 4; writes: yes, waited: no
#     after next() by hand: counts 4, other: 5; writes: database is locked, waited: no
#
# Succeeds while this is so. What to do instead: `all()` with a limit, page by page, or a database object for each loop.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node22@npm:node@22.19.0 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > try.mjs << 'JS'
import { DatabaseSync } from "node:sqlite"

const path = `data-${process.version}.db`
const [db, other] = [new DatabaseSync(path, { timeout: 5000 }), new DatabaseSync(path)]
db.exec("pragma journal_mode = wal")
db.exec("create table job (id integer primary key, state text not null)")
const add = (to) => to.exec("insert into job (state) values ('new')")
for (let n = 0; n < 3; n++) add(db)

const count = (of) => of.prepare("select count(*) as n from job").get().n
const look = (words) => {
  const counts = `counts ${count(db)}, other: ${count(other)}`
  const begin = Date.now()
  let writes = "yes"
  try {
    db.exec("update job set state = 'seen' where id = 1")
  } catch (error) {
    writes = error.message
  }
  console.log(`${words}: ${counts}; writes: ${writes}, waited: ${Date.now() - begin > 2000 ? "yes" : "no"}`)
}
for (const row of db.prepare("select * from job").iterate()) {
  if (row.id !== 1) continue
  await 0 // something slow, while which the other process writes
  add(other)
  look("within the loop")
}
look("after the loop")
const iterator = db.prepare("select * from job").iterate()
iterator.next().value
add(other)
look("after next() by hand")
iterator.return() // it is kept until here
JS
expected="within the loop: counts 3, other: 4; writes: database is locked, waited: no
after the loop: counts 4, other: 4; writes: yes, waited: no
after next() by hand: counts 4, other: 5; writes: database is locked, waited: no"
for version in 22 24 26; do
  seen=$("node_modules/node$version/bin/node" --no-warnings try.mjs)
  echo "Node $version:"$'\n'"$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
