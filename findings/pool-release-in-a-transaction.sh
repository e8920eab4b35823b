#!/usr/bin/env bash
# mysql2 3.24.6, pg 8.23.1 and postgres.js 3.4.9: after a release within a transaction, the next one's writes are told to be done, and are lost.
#
# A connection goes back to the pool with its transaction open: an early `return`, an error before the `commit`, in a `finally` that only
# releases. One expects the pool to end that transaction, as the connector of MariaDB does (and pools of other languages), or at
# least that it is the culprit's work that is lost. But whoever is given the connection next, perhaps for a single `pool.query`, writes into
# that transaction. The insert succeeds, its author reads it as long as he gets that connection, and nobody else sees it: it is
# gone when the connection ends, and until then its locks are held. With one more connection in the pool it is so now and then.
#
# Seen with MariaDB 10.11.19, PostgreSQL 15.18, Node 24 (one inserts 1 and releases; the next one inserts 2 by the pool):
#
#     mysql2: told that it is done; others see nothing
#     mariadb: told that it is done; others see 2
#     pg: told that it is done; others see nothing
#     postgres.js: told that it is done; others see nothing
#
# Succeeds while this is so. What to do instead: `begin` and its end in one helper (postgres.js has one), and `release(true)` or `destroy()` if it failed.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill ${servers:-} 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mysql2@3.24.6 mariadb@3.5.4 pg@8.23.1 postgres@3.4.9
# The server of PostgreSQL does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/postgres" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/postgres" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
servers=$!
mkdir maria
mariadb-install-db --no-defaults --datadir="$folder/maria/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
mariadbd --no-defaults --datadir="$folder/maria/data" --socket="$folder/maria/socket" --skip-networking --user="$(id -un)" > maria/log 2>&1 &
servers+=" $!"
for _ in {1..100}; do [[ -S maria/socket ]] && "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
mariadb --no-defaults --socket="$folder/maria/socket" --user=root -e "create database shop"
cat > try.mjs << 'JS'
import { createPool as createMariadb } from "mariadb"
import { createPool as createMysql2 } from "mysql2/promise"
import pg from "pg"
import postgres from "postgres"

const maria = { socketPath: "maria/socket", user: "root", database: "shop", connectionLimit: 1 }
const own = { host: process.cwd(), user: "postgres", database: "postgres", max: 1 }
const pools = {
  mysql2: () => {
    const pool = createMysql2(maria)
    return { take: () => pool.getConnection(), ask: async (text) => (await pool.query(text))[0] }
  },
  mariadb: () => {
    const pool = createMariadb(maria)
    return { take: () => pool.getConnection(), ask: (text) => pool.query(text) }
  },
  pg: () => {
    const pool = new pg.Pool(own)
    return { take: () => pool.connect(), ask: async (text) => (await pool.query(text)).rows }
  },
  "postgres.js": () => {
    const pool = postgres(own)
    return {
      take: async () => {
        const reserved = await pool.reserve()
        return { query: (text) => reserved.unsafe(text), release: () => reserved.release() }
      },
      ask: (text) => pool.unsafe(text)
    }
  }
}
for (const [name, make] of Object.entries(pools)) {
  const { ask, take } = make()
  const table = name.replace(".", "_")
  await ask(`create table ${table} (id integer)`)
  const connection = await take()
  await connection.query("begin")
  await connection.query(`insert into ${table} values (1)`)
  connection.release()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const told = await ask(`insert into ${table} values (2)`).then(() => "told that it is done", (error) => error.message)
  const seen = (await make().ask(`select id from ${table}`)).map(({ id }) => id).join(" ")
  console.log(`${name}: ${told}; others see ${seen || "nothing"}`)
}
process.exit()
JS
expected="mysql2: told that it is done; others see nothing
mariadb: told that it is done; others see 2
pg: told that it is done; others see nothing
postgres.js: told that it is done; others see nothing"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
