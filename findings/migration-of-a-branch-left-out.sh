#!/usr/bin/env bash
# effect 4.1.0 and drizzle-orm 0.45.4: a migration that is merged after a later one is never run, and nobody is told.
#
# Two branches each have a migration: one makes number 2, the other number 3. The second is merged and deployed first. When the first one
# follows, one expects its migration to be run (there is a table that says which were), or to be told that it does not fit. Both of
# these look only at the greatest number (or time) in that table: what is not greater is done, whether it is there or not. The
# start succeeds, `Migrator` says that it had nothing to run, and the table is not there. A database that is made anew gets all three,
# so tests and new colleagues do not see it.
#
# Seen with PostgreSQL 15.18, Node 24 (1_a and 3_c are run; then 1_a, 2_b and 3_c):
#
#     effect: done; tables: a c
#     drizzle-orm: done; tables: a c
#     knex: done; tables: a b c
#     node-pg-migrate: Not run migration 2_b is preceding already run migration 3_c; tables: a c
#
# Succeeds while this is so.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 @effect/sql-pg@4.0.5 drizzle-orm@0.45.4 knex@3.3.0 node-pg-migrate@9.0.0 pg@8.23.1
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
import { PgClient } from "@effect/sql-pg"
import { drizzle } from "drizzle-orm/node-postgres"
import { migrate } from "drizzle-orm/node-postgres/migrator"
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import makeKnex from "knex"
import { runner } from "node-pg-migrate"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import pg from "pg"

const files = { "1_a": "create table a (id integer)", "2_b": "create table b (id integer)", "3_c": "create table c (id integer)" }
const host = process.cwd()
const connection = { host, user: "postgres", database: "postgres" }
const pool = new pg.Pool(connection)
const folderOf = (names) => {
  rmSync("migrations", { recursive: true, force: true })
  mkdirSync("migrations/meta", { recursive: true })
  for (const name of names) writeFileSync(`migrations/${name}.sql`, files[name])
}
const ways = {
  effect: (names) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) => {
      const loader = Migrator.fromRecord(Object.fromEntries(names.map((name) => [name, sql.unsafe(files[name])])))
      return Migrator.make({})({ loader })
    }).pipe(Effect.provide(PgClient.layer({ host, username: "postgres", database: "postgres" })), Effect.runPromise),
  "drizzle-orm": (names) => {
    folderOf(names)
    const entries = names.map((tag, idx) => ({ idx, version: "7", when: 1_700_000_000_000 + Number(tag[0]), tag, breakpoints: true }))
    writeFileSync("migrations/meta/_journal.json", JSON.stringify({ version: "7", dialect: "postgresql", entries }))
    return migrate(drizzle(pool), { migrationsFolder: "migrations" })
  },
  knex: async (names) => {
    const knex = makeKnex({ client: "pg", connection })
    const migrationSource = {
      getMigrations: async () => names,
      getMigrationName: (name) => name,
      getMigration: async (name) => ({ up: (transaction) => transaction.raw(files[name]), down() {} })
    }
    await knex.migrate.latest({ migrationSource }).finally(() => knex.destroy())
  },
  "node-pg-migrate": async (names) => {
    folderOf(names)
    rmSync("migrations/meta", { recursive: true })
    await runner({ databaseUrl: connection, dir: "migrations", direction: "up", migrationsTable: "migrated", log() {} })
  }
}
for (const [name, way] of Object.entries(ways)) {
  await pool.query("drop table if exists a, b, c")
  await way(["1_a", "3_c"])
  const result = await way(["1_a", "2_b", "3_c"]).then(() => "done", (error) => error.message)
  const { rows } = await pool.query("select tablename from pg_tables where length(tablename) = 1 order by 1")
  console.log(`${name}: ${result}; tables: ${rows.map((row) => row.tablename).join(" ")}`)
}
process.exit()
JS
expected="effect: done; tables: a c
drizzle-orm: done; tables: a c
knex: done; tables: a b c
node-pg-migrate: Not run migration 2_b is preceding already run migration 3_c; tables: a c"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
