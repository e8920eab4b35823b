#!/usr/bin/env bash
# PostgreSQL 15: `create unique index concurrently if not exists`, tried again after it failed, is content, and nothing is unique.
#
# A migration that makes a unique index without a lock fails, as there are duplicates, or a lock timeout, or as its process is killed. They
# are tidied up, and it is tried again; with "if not exists", as migrations that may run twice are to be written. One expects it
# to be made now, as a statement that failed has done nothing. But what is done concurrently is done in several transactions: the index is
# there by its name, invalid, and "if not exists" asks for the name. The migration is told to be done, a notice says "skipping", duplicates
# are accepted, no query uses the index, and `on conflict` says that there is none.
#
# Seen with PostgreSQL 15.18 (a table with two equal rows, one of which is deleted after the first try):
#
#     first try: could not create unique index "it"
#     second try: ok
#     the index is valid: false
#     insert of the same value: ok
#     insert ... on conflict (value) do nothing: there is no unique or exclusion constraint matching the ON CONFLICT specification
#     drop index concurrently if exists it, and then once more: ok, ok
#     the index is valid: true
#
# Succeeds while this is so. What to do instead: `drop index concurrently if exists` before each `create index concurrently`.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/15/bin 2> /dev/null) || { echo "needs PostgreSQL 15 (Debian's postgresql)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund pg@8.16.3
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
cat > try.cjs << 'JS'
const { Client } = require("pg")

const main = async () => {
  const client = new Client({ host: process.cwd(), user: "postgres", database: "postgres" })
  await client.connect()
  const ask = (statement) => client.query(statement).then(() => "ok", (error) => error.message)
  const create = "create unique index concurrently if not exists it on there (value)"
  const valid = async () => (await client.query("select indisvalid from pg_index where indexrelid = 'it'::regclass")).rows[0].indisvalid
  await client.query("create table there (id int, value int)")
  await client.query("insert into there values (1, 1), (2, 1)")
  console.log(`first try: ${await ask(create)}`)
  await client.query("delete from there where id = 2")
  console.log(`second try: ${await ask(create)}`)
  console.log(`the index is valid: ${await valid()}`)
  console.log(`insert of the same value: ${await ask("insert into there values (3, 1)")}`)
  const insert = "insert into there values (4, 1) on conflict (value) do nothing"
  console.log(`insert ... on conflict (value) do nothing: ${await ask(insert)}`)
  await client.query("delete from there where id = 3")
  console.log(`drop index concurrently if exists it, and then once more: ${await ask("drop index concurrently if exists it")}, ${await ask(create)}`)
  console.log(`the index is valid: ${await valid()}`)
  await client.end()
}
main()
JS
expected='first try: could not create unique index "it"
second try: ok
the index is valid: false
insert of the same value: ok
insert ... on conflict (value) do nothing: there is no unique or exclusion constraint matching the ON CONFLICT specification
drop index concurrently if exists it, and then once more: ok, ok
the index is valid: true'
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
