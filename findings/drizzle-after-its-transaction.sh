#!/usr/bin/env bash
# drizzle-orm 0.45.4 and postgres.js 3.4.9: what is asked of a transaction that was rolled back is saved, or goes into somebody else's.
#
# Two things in one transaction, by `Promise.all`: if the first fails, the transaction is rolled back, while the second one is still on
# its way. One expects its next statement to be refused, as knex, kysely and sequelize do ("already rolled back"), since nothing of
# this transaction is to be there. But `tx` still has its connection, which is back in the pool. If that is idle, the
# statement is a transaction of its own, and saved; if somebody else's transaction has it, it becomes a part of that, sees what is not
# committed, and is rolled back if that is, though it was told to be done. So an order that was refused for want of stock is charged.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (a pool of one connection; the charge comes 0.3 s after the failure, and then once more
# while another transaction is at work, which fails later):
#
#     knex 3.3.0: rolled back; the charge: refused, charged: 0; within another: refused, charged: 0
#     kysely 0.29.9: rolled back; the charge: refused, charged: 0; within another: refused, charged: 0
#     sequelize 6.37.8: rolled back; the charge: refused, charged: 0; within another: refused, charged: 0
#     drizzle-orm 0.45.4: rolled back; the charge: done, charged: 1; within another: done, charged: 0
#     postgres 3.4.9: rolled back; the charge: done, charged: 1; within another: done, charged: 0
#
# Succeeds while this is so. What to do instead: `Promise.allSettled` within a transaction, or one thing after the other.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --legacy-peer-deps drizzle-orm@0.45.4 postgres@3.4.9 knex@3.3.0 kysely@0.29.9 \
  sequelize@6.37.8 pg@8.23.1
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
import { readFileSync } from "node:fs"
import pg from "pg"
import postgres from "postgres"
import { Sequelize } from "sequelize"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const [host, user, database] = [process.cwd(), "postgres", "postgres"]
const connection = { host, user, database }
const admin = new pg.Pool(connection)
await admin.query("create table charge (amount int)")

const knex = makeKnex({ client: "pg", connection, pool: { min: 1, max: 1 } })
const kysely = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ ...connection, max: 1 }) }) })
const sequelize = new Sequelize({ dialect: "postgres", host, username: user, database, logging: false, pool: { min: 1, max: 1 } })
const db = drizzle(new pg.Pool({ ...connection, max: 1 }))
const sql = postgres({ path: `${host}/.s.PGSQL.5432`, user, max: 1 })
// For each library: a transaction, whose function is given a way to send a statement in it.
const ways = {
  knex: (work) => knex.transaction((tx) => work((text) => tx.raw(text))),
  kysely: (work) => kysely.transaction().execute((tx) => work((text) => kyselySql.raw(text).execute(tx))),
  sequelize: (work) => sequelize.transaction((transaction) => work((text) => sequelize.query(text, { transaction }))),
  "drizzle-orm": (work) => db.transaction((tx) => work((text) => tx.execute(drizzleSql.raw(text)))),
  postgres: (work) => sql.begin((tx) => work((text) => tx.unsafe(text)))
}
const ended = (promise) => promise.then(() => "committed", () => "rolled back")
for (const [name, transaction] of Object.entries(ways)) {
  const look = async (meanwhile) => {
    await admin.query("truncate charge")
    let charge
    const takeStock = () => Promise.reject(new Error("out of stock"))
    const end = await ended(transaction((send) => {
      charge = sleep(300).then(() => send("insert into charge values (10)")).then(() => "done", () => "refused")
      return Promise.all([takeStock(), charge])
    }))
    await meanwhile()
    const said = await charge
    const { rows: [{ n }] } = await admin.query("select count(*)::int as n from charge")
    return [end, `${said}, charged: ${n}`]
  }
  const [end, alone] = await look(() => {})
  const [, within] = await look(() => ended(transaction(() => sleep(1000).then(() => Promise.reject(new Error("later"))))))
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`))
  console.log(`${name} ${version}: ${end}; the charge: ${alone}; within another: ${within}`)
}
process.exit()
JS
expected="knex 3.3.0: rolled back; the charge: refused, charged: 0; within another: refused, charged: 0
kysely 0.29.9: rolled back; the charge: refused, charged: 0; within another: refused, charged: 0
sequelize 6.37.8: rolled back; the charge: refused, charged: 0; within another: refused, charged: 0
drizzle-orm 0.45.4: rolled back; the charge: done, charged: 1; within another: done, charged: 0
postgres 3.4.9: rolled back; the charge: done, charged: 1; within another: done, charged: 0"
seen=$(timeout 100 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
