#!/usr/bin/env bash
# @effect/sql-mysql2 0.53.0 with effect 3.22.4: after a migration that failed, it and all that follow count as done, and are never run.
#
# Migrations are run one after the other in a transaction, and written down in a table. So one expects the one that failed, and those after
# it, to be run the next time, when the cause is mended. But the migrator writes all of them down first, as a lock, and counts on the
# transaction to take that back. With MySQL and MariaDB the first `create table` or `alter table` ends the transaction and commits: the
# list of what is done is saved before it is done. The first start fails; the next says that there is nothing to do, and goes on to
# serve, with a table that is not there.
#
# Seen with MariaDB 10.11.19, Node 24 (three migrations that make a table each; the second one fails):
#
#     first start: failed; written down: 1 2 3; tables: a
#     second start, mended: done, ran none; written down: 1 2 3; tables: a
#
# Succeeds while this is so.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@3.22.4 @effect/sql@0.52.1 @effect/sql-mysql2@0.53.0 @effect/platform@0.97.2 @effect/experimental@0.61.1
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --skip-networking --user="$(id -un)" > log 2>&1 &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
mariadb --no-defaults --socket="$folder/socket" --user=root -e "create database shop"
cat > try.mjs << 'JS'
import { Migrator, SqlClient } from "@effect/sql"
import { MysqlClient } from "@effect/sql-mysql2"
import { Effect, Exit } from "effect"

const poolConfig = { socketPath: "socket", user: "root", database: "shop" }
await Effect.runPromise(Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const start = (name, second) =>
    Effect.gen(function*() {
      const loader = Migrator.fromRecord({
        "1_a": sql`create table a (id integer)`,
        "2_b": second,
        "3_c": sql`create table c (id integer)`
      })
      const exit = yield* Effect.exit(Migrator.make({})({ loader }))
      const result = Exit.isSuccess(exit) ? `done, ran ${exit.value.map(([id]) => id).join(" ") || "none"}` : "failed"
      const written = yield* sql`select migration_id from effect_sql_migrations order by 1`
      const tables = yield* sql`select table_name as name from information_schema.tables
        where table_schema = 'shop' and length(table_name) = 1 order by 1`
      const list = (rows) => rows.map((row) => Object.values(row)[0]).join(" ")
      console.log(`${name}: ${result}; written down: ${list(written)}; tables: ${list(tables)}`)
    })
  yield* start("first start", sql`create table b (id integer references)`)
  yield* start("second start, mended", sql`create table b (id integer)`)
}).pipe(Effect.provide(MysqlClient.layer({ database: "shop", username: "root", poolConfig }))))
process.exit()
JS
expected="first start: failed; written down: 1 2 3; tables: a
second start, mended: done, ran none; written down: 1 2 3; tables: a"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
