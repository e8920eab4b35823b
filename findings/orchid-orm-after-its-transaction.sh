#!/usr/bin/env bash
# orchid-orm 1.78.4: what is begun within a transaction and not awaited goes into somebody else's, and is told to be saved.
#
# A query within `db.$transaction(async () => ...)` is in the transaction without being told so, by `AsyncLocalStorage`. What one starts there and does
# not wait for (a log entry in a moment, a counter, a cache that is filled) inherits that, and as the transaction is over when
# it comes to its query, one expects the query to be by itself, or an error. But it is sent by the connection that the transaction
# had, which has gone back to the pool. If nobody has it, all is well, as it is in tests. If another request has a transaction on it, the
# query becomes a part of that: it resolves, and is undone when the other one fails.
#
# Seen with PostgreSQL 15.18, Node 24 (an entry is written 100 ms after the transaction that it was begun in):
#
#     nobody else: written, entries 1
#     meanwhile another transaction fails: written, entries 0
#     begun outside of the transaction: written, entries 1
#
# Succeeds while this is so. What to do instead: wait for all within the transaction, or start it before or after it.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund orchid-orm@1.78.4 pg@8.23.1
# The server does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { createBaseTable } from "orchid-orm"
import { orchidORM } from "orchid-orm/node-postgres"

const BaseTable = createBaseTable()
class Entry extends BaseTable {
  table = "entry"
  columns = this.setColumns((t) => ({ id: t.integer().primaryKey() }))
}
const databaseURL = `postgres://postgres@localhost/postgres?host=${process.cwd()}`
const db = orchidORM({ databaseURL, max: 3 }, { entry: Entry })
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
await db.$query`create table entry (id integer primary key)`
const writeSoon = () => sleep(100).then(() => db.entry.create({ id: 1 })).then(() => "written", (error) => error.message)
const failing = () =>
  db.$transaction(async () => {
    await db.entry.count()
    await sleep(300)
    throw new Error("failed")
  }).catch(() => {})
const seen = async (name, begin, other) => {
  await db.$query`delete from entry`
  let written
  if (begin === "within") {
    await db.$transaction(async () => {
      await db.entry.count()
      written = writeSoon()
    })
  } else {
    await db.$transaction(() => db.entry.count())
    written = writeSoon()
  }
  await other()
  console.log(`${name}: ${await written}, entries ${await db.entry.count()}`)
}
await seen("nobody else", "within", () => sleep(300))
await seen("meanwhile another transaction fails", "within", failing)
await seen("begun outside of the transaction", "outside", failing)
process.exit()
JS
expected="nobody else: written, entries 1
meanwhile another transaction fails: written, entries 0
begun outside of the transaction: written, entries 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
