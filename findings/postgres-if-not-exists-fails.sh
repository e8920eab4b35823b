#!/usr/bin/env bash
# PostgreSQL 15: `create table if not exists`, by two instances that start together, fails, and so does `create or replace function`.
#
# "If not exists" is how a library makes its table at the start, with each instance. One expects the second one to find the table, or to wait and
# then find it. It looks before the first one has committed, finds nothing, makes a table of its own, waits at the index of the
# catalogue for the first one, and fails with a duplicate key of `pg_type`, which no test of one instance shows. It is so with schemas, extensions,
# sequences, indexes, and views and functions that are to be replaced; `alter table ... add column if not exists` locks the table
# before it looks, and does not fail.
#
# Seen with PostgreSQL 15.18 (two transactions at once, the second one begins while the first one is open):
#
#     create table if not exists it (): pg_type_typname_nsp_index
#     create schema if not exists it: pg_namespace_nspname_index
#     create sequence if not exists it: pg_class_relname_nsp_index
#     create index if not exists it on there (id): pg_class_relname_nsp_index
#     create or replace view it as select 1: pg_type_typname_nsp_index
#     create or replace function it() returns int return 1: pg_proc_proname_args_nsp_index
#     alter table there add column if not exists it int: ok
#     select pg_advisory_xact_lock(1); create table if not exists it (): ok
#
# Succeeds while this is so. What to do instead: an advisory lock before it, or to try again when it fails with 23505.
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

const connect = async (database) => {
  const client = new Client({ host: process.cwd(), user: "postgres", database })
  await client.connect()
  return client
}
const statements = [
  "create table if not exists it ()",
  "create schema if not exists it",
  "create sequence if not exists it",
  "create index if not exists it on there (id)",
  "create or replace view it as select 1",
  "create or replace function it() returns int return 1",
  "alter table there add column if not exists it int",
  "select pg_advisory_xact_lock(1); create table if not exists it ()"
]
const main = async () => {
  const postgres = await connect("postgres")
  for (const [n, statement] of statements.entries()) {
    await postgres.query(`create database d${n}`)
    const [first, second] = [await connect(`d${n}`), await connect(`d${n}`)]
    await first.query("create table there (id int)")
    await first.query("begin")
    await first.query(statement)
    const seen = second.query(`begin; ${statement}; commit`).then(() => "ok", (error) => error.constraint ?? error.message)
    // Until the second one waits.
    while ((await postgres.query("select from pg_locks where not granted")).rowCount === 0);
    await first.query("commit")
    console.log(`${statement}: ${await seen}`)
    await first.end()
    await second.end()
  }
  await postgres.end()
}
main()
JS
expected="create table if not exists it (): pg_type_typname_nsp_index
create schema if not exists it: pg_namespace_nspname_index
create sequence if not exists it: pg_class_relname_nsp_index
create index if not exists it on there (id): pg_class_relname_nsp_index
create or replace view it as select 1: pg_type_typname_nsp_index
create or replace function it() returns int return 1: pg_proc_proname_args_nsp_index
alter table there add column if not exists it int: ok
select pg_advisory_xact_lock(1); create table if not exists it (): ok"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
