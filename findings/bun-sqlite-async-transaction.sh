#!/usr/bin/env bash
# Bun 1.4.5, `bun:sqlite`: a transaction around an async function is committed at its first await, and what fails later undoes nothing.
#
# `db.transaction(fn)` begins, calls `fn`, commits, and rolls back if it throws. With an async `fn` one expects it to wait, as
# `Bun.sql.begin` does, or to refuse, as better-sqlite3 does, from which the interface comes ("Transaction function cannot return a
# promise"). It does neither: a promise counts as the result, so it commits as soon as `fn` awaits something. All that comes after
# is on its own: half of it stays when it fails, and the caller is told of a failure, by the promise, as if it
# had been rolled back. It is no transaction for others either: whoever writes meanwhile is between its halves.
#
# Seen (a transfer that fails after both of its updates, the second one after an await):
#
#     bun:sqlite, no await: failed; a 100, b 0
#     bun:sqlite, async: failed; a 50, b 50; after the await it was in a transaction: false
#     Bun.sql, async: failed; a 100, b 0
#
# Succeeds while this is so. What to do instead: no await within, or `begin` of `Bun.SQL("sqlite://...")`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts bun@1.4.5
node node_modules/bun/install.js > /dev/null 2>&1
cat > try.ts << 'TS'
import { SQL } from "bun"
import { Database } from "bun:sqlite"

const create = "CREATE TABLE account (id TEXT, sum INTEGER)"
const fill = "INSERT INTO account VALUES ('a', 100), ('b', 0)"
const take = "UPDATE account SET sum = sum - 50 WHERE id = 'a'"
const give = "UPDATE account SET sum = sum + 50 WHERE id = 'b'"
const state = (rows: any) => rows.map((row: any) => `${row.id} ${row.sum}`).join(", ")
const outcome = (work: () => unknown) =>
  Promise.resolve().then(work).then(() => "done", (error) => error.message)

for (const asynchronous of [false, true]) {
  const db = new Database(":memory:")
  db.run(create)
  db.run(fill)
  let within = ""
  const transfer = db.transaction(
    asynchronous
      ? async () => {
        db.run(take)
        await Bun.sleep(1)
        within = `; after the await it was in a transaction: ${db.inTransaction}`
        db.run(give)
        throw new Error("failed")
      }
      : () => {
        db.run(take)
        db.run(give)
        throw new Error("failed")
      }
  )
  const told = await outcome(transfer)
  console.log(`bun:sqlite, ${asynchronous ? "async" : "no await"}: ${told}; ${state(db.query("SELECT * FROM account").all())}${within}`)
}

const sql = new SQL("sqlite://:memory:")
await sql.unsafe(create)
await sql.unsafe(fill)
const told = await outcome(() =>
  sql.begin(async (tx) => {
    await tx.unsafe(take)
    await Bun.sleep(1)
    await tx.unsafe(give)
    throw new Error("failed")
  })
)
console.log(`Bun.sql, async: ${told}; ${state(await sql.unsafe("SELECT * FROM account"))}`)
TS
expected="bun:sqlite, no await: failed; a 100, b 0
bun:sqlite, async: failed; a 50, b 50; after the await it was in a transaction: false
Bun.sql, async: failed; a 100, b 0"
seen=$(npx bun try.ts)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
