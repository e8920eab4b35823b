#!/usr/bin/env bash
# postgres 3.4.9 (postgres.js): who waits in `sql.reserve()` for a free connection is forgotten when one is lost.
#
# When all connections of a pool are taken, `sql.reserve()` waits, as queries and `sql.begin` do. A connection that is lost (a
# failover, a proxy's idle limit, an administrator) makes room: the pool connects anew for the first that waits. One expects all
# three to be served by it. Queries and transactions are; the one that reserves is taken from the queue for it and is never
# answered, not by a later release either. It gets no error and there is no limit on the wait, while later ones are let in.
#
# Seen with PostgreSQL 15.18, Node 20 (a pool of one connection, which the server ends while they wait; 3 s later):
#
#     a query: served
#     begin: served
#     reserve: forgotten; another one: served
#
# Succeeds while this is so. What to do instead: a limit of one's own on the wait, and another try.
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

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const connect = () => postgres({ path: `${process.cwd()}/.s.PGSQL.5432`, user: "postgres", max: 1, backoff: 0.1 })
const admin = connect()
const ways = {
  "a query": (sql) => sql`select 1`,
  begin: (sql) => sql.begin((it) => it`select 1`),
  reserve: async (sql) => (await sql.reserve()).release()
}
const outcome = (promise) =>
  Promise.race([promise.then(() => "served", () => "failed"), sleep(3000).then(() => "forgotten")])

for (const [name, way] of Object.entries(ways)) {
  const sql = connect()
  const first = await sql.reserve()
  const [{ pid }] = await first`select pg_backend_pid() as pid`
  const waiting = outcome(way(sql))
  await admin`select pg_terminate_backend(${pid})`
  const it = await waiting
  console.log(`${name}: ${it}${it === "forgotten" ? `; another one: ${await outcome(way(sql))}` : ""}`)
}
process.exit()
JS
expected="a query: served
begin: served
reserve: forgotten; another one: served"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
