#!/usr/bin/env bash
# knex, drizzle-orm, typeorm, sequelize, pg-promise on PostgreSQL: a transaction that resolves has saved nothing, if an error was caught in it.
#
# "If the promise is resolved, the transaction is committed; if it is rejected, it is rolled back": so one expects a transaction whose
# function caught an error, because that step was allowed to fail, to be committed without it, as on MySQL or SQLite, or to be refused.
# PostgreSQL gives up the whole transaction at the first error. Whoever sends another statement is told so; but the `COMMIT`, if that
# comes next, is carried out as a rollback and is no error: what tells is its answer, "ROLLBACK" in the place of "COMMIT". Of
# seven libraries five do not look at it. They resolve with what the function returned, and what was inserted before is not there.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (an order is inserted, then an address that is there already, which is caught):
#
#     knex 3.3.0: "ordered", orders: 0
#     kysely 0.29.9: Transaction was rolled back instead of committed, orders: 0
#     drizzle-orm 0.45.4: "ordered", orders: 0
#     typeorm 1.1.1: "ordered", orders: 0
#     sequelize 6.37.8: "ordered", orders: 0
#     pg-promise 12.7.1: "ordered", orders: 0
#     postgres 3.4.9: duplicate key value violates unique constraint "address_pkey", orders: 0
#
# Succeeds while this is so. What to do instead: a savepoint (a nested transaction) around what may fail, or `on conflict do nothing`.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --legacy-peer-deps knex@3.3.0 kysely@0.29.9 drizzle-orm@0.45.4 typeorm@1.1.1 sequelize@6.37.8 \
  pg-promise@12.7.1 postgres@3.4.9 pg@8.23.1 reflect-metadata@0.2.2
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
import { sql as drizzleSql } from "drizzle-orm"
import { drizzle } from "drizzle-orm/node-postgres"
import makeKnex from "knex"
import { Kysely, PostgresDialect, sql as kyselySql } from "kysely"
import pg from "pg"
import pgPromise from "pg-promise"
import postgres from "postgres"
import "reflect-metadata"
import { readFileSync } from "node:fs"
import { Sequelize } from "sequelize"
import { DataSource } from "typeorm"

const [host, user, database] = [process.cwd(), "postgres", "postgres"]
const pool = new pg.Pool({ host, user, database })
await pool.query(`create table "order" (id int primary key)`)
await pool.query("create table address (mail text primary key)")
await pool.query("insert into address values ('a@b')")

// What is done in each library's transaction, given its way to send a statement.
const work = async (send) => {
  await send(`insert into "order" values (1)`)
  await send("insert into address values ('a@b')").catch(() => {})
  return "ordered"
}
const knex = makeKnex({ client: "pg", connection: { host, user, database } })
const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
const typeorm = await new DataSource({ type: "postgres", host, username: user, database }).initialize()
const sequelize = new Sequelize({ dialect: "postgres", host, username: user, database, logging: false })
const ways = {
  knex: () => knex.transaction((tx) => work((text) => tx.raw(text))),
  kysely: () => kysely.transaction().execute((tx) => work((text) => kyselySql.raw(text).execute(tx))),
  "drizzle-orm": () => drizzle(pool).transaction((tx) => work((text) => tx.execute(drizzleSql.raw(text)))),
  typeorm: () => typeorm.transaction((tx) => work((text) => tx.query(text))),
  sequelize: () => sequelize.transaction((transaction) => work((text) => sequelize.query(text, { transaction }))),
  "pg-promise": () => pgPromise()({ host, user, database }).tx((tx) => work((text) => tx.none(text))),
  postgres: () => postgres({ path: `${host}/.s.PGSQL.5432`, user }).begin((tx) => work((text) => tx.unsafe(text)))
}
for (const [name, way] of Object.entries(ways)) {
  const said = await way().then(JSON.stringify, (error) => error.message)
  const { rows: [{ n }] } = await pool.query(`select count(*)::int as n from "order"`)
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`))
  console.log(`${name} ${version}: ${said}, orders: ${n}`)
}
process.exit()
JS
expected='knex 3.3.0: "ordered", orders: 0
kysely 0.29.9: Transaction was rolled back instead of committed, orders: 0
drizzle-orm 0.45.4: "ordered", orders: 0
typeorm 1.1.1: "ordered", orders: 0
sequelize 6.37.8: "ordered", orders: 0
pg-promise 12.7.1: "ordered", orders: 0
postgres 3.4.9: duplicate key value violates unique constraint "address_pkey", orders: 0'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
