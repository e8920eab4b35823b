#!/usr/bin/env bash
# pg 8.23.1: a client whose query timed out goes back into the pool while it still waits for a lock, and gets the lock.
#
# `query_timeout` ends a query that takes too long, and `release()` gives the client back. One expects the pool to throw a
# client away that still has a query under way, as it does itself where the query was one of `pool.query`. But `release()`
# without an argument, as one writes it in a `finally`, puts it among the idle ones. The next user gets it at once, and his
# query waits behind the other one, however many other clients are free. And when the lock is free, the server gives it to that
# session: nobody knows that he has it, nobody can have it, for as long as the pool keeps the connection. `pg_advisory_lock` is
# where that is worst; a row that one waits for is the same until the connection's next COMMIT.
#
# Seen with PostgreSQL 15.18, Node 20 (a pool of one; another session holds the lock at first):
#
#     asked for the lock: Query read timeout
#     the next user of the pool, after 1 s: waits
#     the lock is let go; the next user: answered
#     the lock, held by nobody who knows of it: taken
#
# Succeeds while this is so. What to do instead: `release(true)` after an error, and `statement_timeout` or `lock_timeout`,
# which the server keeps.
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
const server = { host: process.cwd(), user: "postgres", database: "postgres" }
const holder = new pg.Client(server)
await holder.connect()
await holder.query("select pg_advisory_lock(1)")

const pool = new pg.Pool({ ...server, max: 1 })
const client = await pool.connect()
try {
  await client.query({ text: "select pg_advisory_lock(1)", query_timeout: 500 })
} catch (error) {
  console.log(`asked for the lock: ${error.message}`)
} finally {
  client.release()
}

const next = pool.query("select 1").then(() => "answered")
console.log(`the next user of the pool, after 1 s: ${await Promise.race([next, sleep(1000).then(() => "waits")])}`)
await holder.query("select pg_advisory_unlock(1)")
console.log(`the lock is let go; the next user: ${await next}`)
const { rows } = await holder.query("select pg_try_advisory_lock(1) as had")
console.log(`the lock, held by nobody who knows of it: ${rows[0].had ? "free" : "taken"}`)
process.exit()
JS
expected="asked for the lock: Query read timeout
the next user of the pool, after 1 s: waits
the lock is let go; the next user: answered
the lock, held by nobody who knows of it: taken"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
