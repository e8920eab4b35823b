#!/usr/bin/env bash
# postgres 3.4.9 (postgres.js): whoever reserved a connection that was lost goes on with one that somebody else has reserved.
#
# `sql.reserve()` "pulls out a connection from the pool" for "queries on an isolated connection", which is how one keeps an
# advisory lock, or temporary tables, over several queries. When the server ends that connection, one expects the next query of
# whoever reserved it to fail, as that of a client of pg does. But what was reserved is a place in the pool, and not the session
# in it: as soon as the pool has connected again for somebody, the old reservation speaks on the new connection, without an
# error. So two who both reserved hold the same advisory lock (PostgreSQL grants a session its own lock again), statements of
# the one are part of the other one's transaction, and a release by the one hands the connection of the other to a third.
#
# Seen with PostgreSQL 15.18, Node 20:
#
#     a takes the lock: true
#     the server ends a's connection, b reserves one and takes the lock: true
#     a takes the lock again: true
#     b begins and inserts, a rolls back: done
#     rows after b has committed: 0
#     a releases, c reserves one; it is the connection that b has: true
#
# Succeeds while this is so. What to do instead: `sql.begin`, which fails when its connection is lost.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund postgres@3.4.9
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
import postgres from "postgres"

const connect = (more) => postgres({ path: `${process.cwd()}/.s.PGSQL.5432`, user: "postgres", max: 1, backoff: 0.1, ...more })
let closed
const lost = new Promise((resolve) => closed = resolve)
const [sql, admin] = [connect({ onclose: closed, onnotice: () => {} }), connect()]
const pid = async (it) => (await it`select pg_backend_pid() as pid`)[0].pid
const take = async (it) => (await it`select pg_try_advisory_lock(1) as taken`)[0].taken

await admin`create table made (by text)`
const a = await sql.reserve()
console.log("a takes the lock:", await take(a))
await admin`select pg_terminate_backend(${await pid(a)})`
await lost
const b = await sql.reserve()
console.log("the server ends a's connection, b reserves one and takes the lock:", await take(b))
console.log("a takes the lock again:", await take(a))
await b`begin`
await b`insert into made values ('b')`
console.log("b begins and inserts, a rolls back:", await a`rollback`.then(() => "done", (error) => error.code))
await b`commit`
console.log("rows after b has committed:", (await admin`select * from made`).length)
a.release()
const c = await sql.reserve()
console.log("a releases, c reserves one; it is the connection that b has:", await pid(c) === await pid(b))
process.exit()
JS
expected="a takes the lock: true
the server ends a's connection, b reserves one and takes the lock: true
a takes the lock again: true
b begins and inserts, a rolls back: done
rows after b has committed: 0
a releases, c reserves one; it is the connection that b has: true"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
