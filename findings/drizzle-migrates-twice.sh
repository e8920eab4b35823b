#!/usr/bin/env bash
# drizzle-orm 0.45.4: `migrate` has no lock, so instances that start together each run the migration, and each is content.
#
# "Apply migrations during runtime" is one of the ways that its manual names, and that is done by each instance when it starts.
# Other migrators take a lock for it, or fail, and one expects no less than that the table of what has been applied keeps the
# second one out. But it is read before the transaction begins, and nothing in it is unique. Where statements of both can stand
# beside each other (a correction of data, rows that are added, `create ... if not exists`), they do, twice, without an error,
# and the table has the migration twice. Only statements that cannot be done twice stop the second instance.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (a migration that takes a moment, and adds 10):
#
#     one instance: the bonus is 10, applied 2: done
#     two that start together: the bonus is 20, applied 3: done, done
#
# Succeeds while this is so. What to do instead: an advisory lock around `migrate`, on a connection of its own.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund drizzle-orm@0.45.4 pg@8.23.1
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
import { drizzle } from "drizzle-orm/node-postgres"
import { migrate } from "drizzle-orm/node-postgres/migrator"
import { mkdirSync, writeFileSync } from "node:fs"
import pg from "pg"

const connect = () => new pg.Pool({ host: process.cwd(), user: "postgres", database: "postgres" })
const files = {
  "0000_account": "create table account (credit integer);--> statement-breakpoint\ninsert into account values (0);",
  "0001_bonus": "select pg_sleep(3);--> statement-breakpoint\nupdate account set credit = credit + 10;"
}
mkdirSync("migrations/meta", { recursive: true })
const have = (count) => {
  const entries = Object.keys(files).slice(0, count).map((tag, idx) => {
    writeFileSync(`migrations/${tag}.sql`, files[tag])
    return { idx, version: "7", when: 1_700_000_000_000 + idx, tag, breakpoints: true }
  })
  writeFileSync("migrations/meta/_journal.json", JSON.stringify({ version: "7", dialect: "postgresql", entries }))
}
const migrated = (pool) =>
  migrate(drizzle(pool), { migrationsFolder: "migrations" }).then(() => "done", (error) => error.message)

const pool = connect()
for (const [name, count] of Object.entries({ "one instance": 1, "two that start together": 2 })) {
  await pool.query("drop table if exists account")
  await pool.query("drop schema if exists drizzle cascade")
  have(1)
  await migrated(pool)
  have(2)
  const instances = Array.from({ length: count }, connect)
  await Promise.all(instances.map((instance) => instance.query("select 1")))
  const seen = await Promise.all(instances.map(migrated))
  const { credit } = (await pool.query("select credit from account")).rows[0]
  const applied = (await pool.query("select count(*) from drizzle.__drizzle_migrations")).rows[0].count
  console.log(`${name}: the bonus is ${credit}, applied ${applied}: ${seen.join(", ")}`)
}
process.exit()
JS
expected="one instance: the bonus is 10, applied 2: done
two that start together: the bonus is 20, applied 3: done, done"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
