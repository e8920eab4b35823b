#!/usr/bin/env bash
# drizzle-orm, sequelize, pg-promise, postgres.js: of two nested transactions beside each other, the one that succeeded is undone by the other.
#
# A nested transaction is a savepoint: if it fails, what it did is undone, and the outer one goes on. One expects that of two that are
# started together (`Promise.all`) as well, or an error, as a connection does one thing at a time. But savepoints are a stack. What
# one does after the other's savepoint was set is above it, and goes with it when the other one fails. Both are answered as if each had been
# alone: the one is resolved, the outer transaction is committed, and what the one has saved is not there. In a test, where both
# succeed or the good one is the first, all is well. knex lets the second one wait until the first has ended.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (`one` inserts a row and succeeds, `two` is started beside it and fails):
#
#     knex 3.3.0: one is saved, two fails; committed; rows: one
#     drizzle-orm 0.45.4: one is saved, two fails; committed; rows: none
#     sequelize 6.37.8: one is saved, two fails; committed; rows: none
#     pg-promise 12.7.1: one is saved, two fails; committed; rows: none
#     postgres 3.4.9: one is saved, two fails; committed; rows: none
#
# Succeeds while this is so. What to do instead: nested transactions one after the other.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --legacy-peer-deps knex@3.3.0 drizzle-orm@0.45.4 sequelize@6.37.8 pg-promise@12.7.1 \
  postgres@3.4.9 pg@8.23.1
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
import { readFileSync } from "node:fs"
import pg from "pg"
import pgPromise from "pg-promise"
import postgres from "postgres"
import { Sequelize } from "sequelize"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const [host, user, database] = [process.cwd(), "postgres", "postgres"]
const pool = new pg.Pool({ host, user, database })
await pool.query("create table entry (name text)")

const knex = makeKnex({ client: "pg", connection: { host, user, database } })
const sequelize = new Sequelize({ dialect: "postgres", host, username: user, database, logging: false })
// For each library: an outer transaction, which is given a way to nest one, which is given a way to send a statement.
const ways = {
  knex: (outer) => knex.transaction((tx) => outer((inner) => tx.transaction((nested) => inner((text) => nested.raw(text))))),
  "drizzle-orm": (outer) =>
    drizzle(pool).transaction((tx) =>
      outer((inner) => tx.transaction((nested) => inner((text) => nested.execute(drizzleSql.raw(text)))))
    ),
  sequelize: (outer) =>
    sequelize.transaction((tx) =>
      outer((inner) =>
        sequelize.transaction({ transaction: tx }, (nested) => inner((text) => sequelize.query(text, { transaction: nested })))
      )
    ),
  "pg-promise": (outer) =>
    pgPromise()({ host, user, database }).tx((tx) => outer((inner) => tx.tx((nested) => inner((text) => nested.none(text))))),
  postgres: (outer) =>
    postgres({ path: `${host}/.s.PGSQL.5432`, user }).begin((tx) =>
      outer((inner) => tx.savepoint((nested) => inner((text) => nested.unsafe(text))))
    )
}
for (const [name, way] of Object.entries(ways)) {
  await pool.query("truncate entry")
  let said
  const outer = await way(async (nest) => {
    said = await Promise.all([
      nest(async (send) => {
        await sleep(200)
        await send("insert into entry values ('one')")
        await sleep(200)
      }).then(() => "one is saved", () => "one fails"),
      nest(async () => {
        await sleep(600)
        throw new Error("two")
      }).then(() => "two is saved", () => "two fails")
    ])
    await sleep(400)
  }).then(() => "committed", () => "rolled back")
  const { rows } = await pool.query("select name from entry")
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`))
  console.log(`${name} ${version}: ${said.join(", ")}; ${outer}; rows: ${rows.map((row) => row.name).join(", ") || "none"}`)
}
process.exit()
JS
expected="knex 3.3.0: one is saved, two fails; committed; rows: one
drizzle-orm 0.45.4: one is saved, two fails; committed; rows: none
sequelize 6.37.8: one is saved, two fails; committed; rows: none
pg-promise 12.7.1: one is saved, two fails; committed; rows: none
postgres 3.4.9: one is saved, two fails; committed; rows: none"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
