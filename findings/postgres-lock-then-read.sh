#!/usr/bin/env bash
# PostgreSQL 15: what is read after an advisory lock was waited for may be older than the lock.
#
# "Take the lock, then read" is meant to see what the last holder wrote. It does where each is a statement of its own in
# READ COMMITTED. But a snapshot is taken when a statement begins, that is before it waits: a statement that takes the lock
# and reads, sees the time before it waited. And in REPEATABLE READ the statement that waits for the lock is the first one,
# so its snapshot is that of the whole transaction, and reads in later statements are old as well. Nothing fails, as long
# as one decides by what one read and writes another row.
#
# Seen with PostgreSQL 15.18, pg 8.16.3 (the holder before writes 1 over 0):
#
#     a statement each: 1
#     one statement: 0
#     a statement each, repeatable read: 0
#
# What to do instead: READ COMMITTED, the lock in a statement before; or take it before BEGIN. Succeeds while this is so.
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

const connect = async () => {
  const client = new Client({ host: process.cwd(), user: "postgres", database: "postgres" })
  await client.connect()
  return client
}
const main = async () => {
  const [before, next] = [await connect(), await connect()]
  await before.query("create table stock (amount int)")
  const read = "select amount from stock"
  const ways = {
    "a statement each": ["begin", "select pg_advisory_xact_lock(1)", read],
    "one statement": ["begin", "select amount from stock, (select pg_advisory_xact_lock(1)) as it"],
    "a statement each, repeatable read": ["begin isolation level repeatable read", "select pg_advisory_xact_lock(1)", read]
  }
  for (const [name, statements] of Object.entries(ways)) {
    await before.query("truncate stock")
    await before.query("insert into stock values (0)")
    await before.query("select pg_advisory_lock(1)")
    const seen = (async () => {
      let result
      for (const statement of statements) result = await next.query(statement)
      await next.query("commit")
      return result.rows[0].amount
    })()
    // Until the next one waits.
    while ((await before.query("select from pg_locks where locktype = 'advisory' and not granted")).rowCount === 0);
    await before.query("update stock set amount = 1")
    await before.query("select pg_advisory_unlock(1)")
    console.log(`${name}: ${await seen}`)
  }
  await before.end()
  await next.end()
}
main()
JS
expected=$'a statement each: 1\none statement: 0\na statement each, repeatable read: 0'
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
