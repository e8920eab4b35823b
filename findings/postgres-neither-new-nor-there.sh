#!/usr/bin/env bash
# PostgreSQL 15: "insert it, or else select it" in one statement gives neither, when another one inserts it at the same time.
#
# `with it as (insert ... on conflict do nothing returning id) select id from it union all select id from ... where name = ...` is how one
# takes what is there and makes what is not: a job that must be there once, an account, the row that one locks. Either the row is new
# or it is there, and one expects it in both cases; if somebody is about to insert it, the insert waits for that one, for the sake of
# this. But when it has waited, and does nothing, the `select` still looks at what was there when the statement began. It
# finds nothing, without an error, so that `rows[0]` is undefined. One after the other, as in a test, there is always one row.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (the other transaction is committed, or rolled back, while this one waits):
#
#     nobody else: rows 1, there: 1
#     it is there: rows 1, there: 1
#     another one inserts it and commits: rows 0, there: 1
#     another one inserts it and rolls back: rows 1, there: 1
#     another one inserts it and commits; two statements: rows 1, there: 1
#
# Succeeds while this is so. What to do instead: two statements, or `on conflict (name) do update set name = excluded.name`.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund pg@8.23.1
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
import pg from "pg"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const connect = async () => {
  const client = new pg.Client({ host: process.cwd(), user: "postgres", database: "postgres" })
  await client.connect()
  return client
}
const [one, other] = [await connect(), await connect()]
await one.query("create table job (id serial primary key, name text unique)")
const insert = "insert into job (name) values ('report') on conflict do nothing returning id"
const select = "select id from job where name = 'report'"
const inOne = () => one.query(`with it as (${insert}) select id from it union all ${select} limit 1`)
const inTwo = async () => {
  const it = await one.query(insert)
  return it.rows.length === 1 ? it : one.query(select)
}
const look = async (words, ask, begin, end) => {
  await one.query("truncate job")
  await other.query(begin ?? "select")
  if (begin) await other.query(insert)
  const asked = ask()
  await sleep(500)
  if (end) await other.query(end)
  const { rows } = await asked
  const there = await one.query(select)
  console.log(`${words}: rows ${rows.length}, there: ${there.rows.length}`)
}
await look("nobody else", inOne)
await look("it is there", async () => (await one.query(insert), inOne()))
await look("another one inserts it and commits", inOne, "begin", "commit")
await look("another one inserts it and rolls back", inOne, "begin", "rollback")
await look("another one inserts it and commits; two statements", inTwo, "begin", "commit")
process.exit()
JS
expected="nobody else: rows 1, there: 1
it is there: rows 1, there: 1
another one inserts it and commits: rows 0, there: 1
another one inserts it and rolls back: rows 1, there: 1
another one inserts it and commits; two statements: rows 1, there: 1"
seen=$(timeout 60 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
