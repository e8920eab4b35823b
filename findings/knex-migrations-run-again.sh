#!/usr/bin/env bash
# knex 3.3.0: with one migration outside of a transaction, an instance that started along with another runs all of them again.
#
# Knex has a lock for migrations, so that of instances that a deployment starts together one migrates. Each makes its list of
# what is left to do before it takes the lock, and one expects that list to be looked at again under the lock. That is done
# where all migrations are in one transaction ("some could have been done while waiting for the lock"). Where a single one has
# `config = { transaction: false }`, as one for `create index concurrently` must, it is not: whoever made his list before the
# other had ended, and comes to the lock after that (its files load slower, its connection is slower), finds the lock free and
# runs the old list. What fails when it is done twice fails; what does not, such as a correction of data, is done twice, and
# stands in `knex_migrations` twice.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (a bonus of 10 and an index; the second instance loads its files until the first has ended):
#
#     all in a transaction: the first runs 2, the second 0, the bonus is 10
#     the index without one: the first runs 2, the second 2, the bonus is 20
#
# Succeeds while this is so. What to do instead: a migration without a transaction by itself, and one instance that migrates.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund knex@3.3.0 pg@8.23.1
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
import knex from "knex"

const connect = () => knex({ client: "pg", connection: { host: process.cwd(), user: "postgres", database: "postgres" } })
const migrations = (transaction) => ({
  "1_bonus": { up: (db) => db("account").increment("credit", 10), down: () => {} },
  "2_index": {
    config: { transaction },
    up: (db) => db.raw(`create index ${transaction ? "" : "concurrently"} if not exists by_id on account (id)`),
    down: () => {}
  }
})
const source = (transaction, loaded) => ({
  getMigrations: async () => ["1_bonus", "2_index"],
  getMigrationName: (name) => name,
  getMigration: async (name) => (await loaded(), migrations(transaction)[name])
})

const db = connect()
await db.schema.createTable("account", (table) => {
  table.integer("id")
  table.integer("credit")
})
await db("account").insert({ id: 1, credit: 0 })
for (const transaction of [true, false]) {
  await db("account").update({ credit: 0 })
  await db.raw("drop index if exists by_id")
  await db.raw("drop table if exists knex_migrations, knex_migrations_lock")
  await db.migrate.list({ migrationSource: source(transaction, () => {}) })

  const [one, two] = [connect(), connect()]
  let release
  const firstHasEnded = new Promise((resolve) => release = resolve)
  let second
  await new Promise((resolve) => {
    second = two.migrate.latest({ migrationSource: source(transaction, () => (resolve(), firstHasEnded)) })
  })
  const [, first] = await one.migrate.latest({ migrationSource: source(transaction, () => {}) })
  release()
  const [, again] = await second
  const { credit } = await db("account").first()
  const name = transaction ? "all in a transaction" : "the index without one"
  console.log(`${name}: the first runs ${first.length}, the second ${again.length}, the bonus is ${credit}`)
  await Promise.all([one.destroy(), two.destroy()])
}
process.exit()
JS
expected="all in a transaction: the first runs 2, the second 0, the bonus is 10
the index without one: the first runs 2, the second 2, the bonus is 20"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
