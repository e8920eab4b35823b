#!/usr/bin/env bash
# postgres 3.4.9 (postgres.js): `sql.end()` that is called while a connection is reserved never resolves, though it is released.
#
# `sql.end()` lets running queries end and then closes all connections, so that a program that is told to stop can wait for it.
# One expects it to wait for whoever has reserved a connection, and to go on when that one releases it; of `sql.begin` that is
# so. But `release` puts the connection back among the free ones without a look at whether the pool is being ended. Nobody
# closes it, so that `await sql.end()` never returns, and the session stays on the server, with the advisory locks that the program
# left to the end of the connection. The same is true of `max_lifetime`, which a reserved connection outlives for good.
#
# Seen with PostgreSQL 15.18, Node 20 (3 s after what held the connection was over):
#
#     begin: the end has come: true, sessions left: 0
#     reserve: the end has come: false, sessions left: 1
#
# Succeeds while this is so. What to do instead: `sql.end({ timeout: 5 })`, or release before.
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
const connect = (application_name) =>
  postgres({ path: `${process.cwd()}/.s.PGSQL.5432`, user: "postgres", connection: { application_name } })
const admin = connect("admin")
const ways = {
  begin: (sql, work) => sql.begin(work),
  reserve: async (sql, work) => {
    const reserved = await sql.reserve()
    await work(reserved)
    reserved.release()
  }
}
for (const [name, way] of Object.entries(ways)) {
  const sql = connect(name)
  let ended = false
  await way(sql, async (it) => {
    await it`select 1`
    sql.end().then(() => ended = true)
    await sleep(100)
    await it`select 2`
  })
  await sleep(3000)
  const left = await admin`select from pg_stat_activity where application_name = ${name}`
  console.log(`${name}: the end has come: ${ended}, sessions left: ${left.length}`)
}
process.exit()
JS
expected="begin: the end has come: true, sessions left: 0
reserve: the end has come: false, sessions left: 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
