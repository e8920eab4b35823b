#!/usr/bin/env bash
# kysely 0.29.9 on PostgreSQL: a migration that fails in a given transaction keeps the lock of all migrations, and its error is not told.
#
# A `Migrator` takes an advisory lock, so that instances that start together migrate one after the other, and it takes a transaction for
# its `db`, so that the migration is a part of it. One expects a migration that fails to be undone, to be told, and to be over. But the
# lock is the session's, not the transaction's, and it is given back by a query in that transaction: which is refused, since the
# transaction has failed. So the error is that of the second query, and not that of the migration; and the connection goes back to the
# pool with the lock. Whoever migrates by another connection, in this process or any other, waits until it is closed, or for an hour. And
# where nothing fails, the lock is given back before the transaction is committed: who comes then runs the same migration once more, waits
# in the middle of it, and fails.
#
# Seen (an instance whose migration fails, and another one that starts after that; then two that start together):
#
#     in a transaction, fails: current transaction is aborted, commands ignored until end of transaction block
#       another instance: still waiting after 5 seconds
#     in a transaction, succeeds: done
#       another instance, at the same time: duplicate key value violates unique constraint "pg_type_typname_nsp_index"
#     by itself, fails: relation "acount" does not exist
#       another instance: done
#     by itself, succeeds: done
#       another instance, at the same time: done
#
# Succeeds while this is so. Needs PostgreSQL on this host. What to do instead: a `Migrator` with the database itself.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund kysely@0.29.9 pg@8.23.1
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
import { Kysely, PostgresDialect, sql } from "kysely"
import { Migrator } from "kysely/migration"
import pg from "pg"

const connect = () =>
  new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ host: process.cwd(), user: "postgres", database: "postgres" }) }) })
const account = { up: (db) => sql`create table account (credit integer)`.execute(db) }
const order = { up: (db) => sql`create table "order" (id integer)`.execute(db) }
const misspelt = { up: (db) => sql`alter table acount add name text`.execute(db) }
const migrate = async (db, migrations) => {
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest()
  if (error) throw error
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const told = (promise) =>
  Promise.race([promise.then(() => "done", (error) => error.message), sleep(5000).then(() => "still waiting after 5 seconds")])

for (const given of [true, false]) {
  const words = given ? "in a transaction" : "by itself"
  const [first, second, third] = [connect(), connect(), connect()]
  const failing = { "1 account": account, "2 misspelt": misspelt }
  const failed = given ? first.transaction().execute((trx) => migrate(trx, failing)) : migrate(first, failing)
  console.log(`${words}, fails: ${await told(failed)}`)
  const waiting = migrate(second, { "1 account": account })
  console.log(`  another instance: ${await told(waiting)}`)
  // Whoever waited for the lock gets it when the connection is closed.
  await first.destroy()
  await waiting

  const all = { "1 account": account, "2 order": order }
  const begun = given
    ? second.transaction().execute((trx) => migrate(trx, all).then(() => sleep(2000)))
    : migrate(second, all)
  await sleep(500)
  const other = told(migrate(third, all))
  console.log(`${words}, succeeds: ${await told(begun)}`)
  console.log(`  another instance, at the same time: ${await other}`)
  await sql`drop table account, "order", kysely_migration, kysely_migration_lock`.execute(third)
  await Promise.all([second.destroy(), third.destroy()])
}
JS
expected='in a transaction, fails: current transaction is aborted, commands ignored until end of transaction block
  another instance: still waiting after 5 seconds
in a transaction, succeeds: done
  another instance, at the same time: duplicate key value violates unique constraint "pg_type_typname_nsp_index"
by itself, fails: relation "acount" does not exist
  another instance: done
by itself, succeeds: done
  another instance, at the same time: done'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
