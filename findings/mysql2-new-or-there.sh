#!/usr/bin/env bash
# mysql2 3.24.6 and mariadb 3.5.4: `insert ... on duplicate key update` says 1 for a row that is new and for one that was there.
#
# How many rows it affected tells, in the manuals of MySQL and MariaDB, whether such a statement made the row: 1 if it is new, 2 if it was
# there and was changed, 0 if it was there and is as it was. So one takes 1 for "this is the first time", for a key that shows that a
# payment was made already, or for a lease. In the client of the server (and in PHP) that is so. Both drivers of Node ask the server
# to count rows that were found (`FOUND_ROWS`), by default; then the 0 is a 1, and what was there already looks new.
#
# Seen with MariaDB 10.11.19, Node 20 (`insert into payment (id) values ('a') on duplicate key update id = id`, twice; `insert ignore`, twice):
#
#     mysql2: first 1, again 1; insert ignore: first 1, again 0
#     mysql2, without FOUND_ROWS: first 1, again 0; insert ignore: first 1, again 0
#     mariadb: first 1, again 1; insert ignore: first 1, again 0
#     mariadb, without foundRows: first 1, again 0; insert ignore: first 1, again 0
#     the server's own client: first 1, again 0
#
# Succeeds while this is so. What to do instead: `insert ignore`, or a plain `insert` and its error.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mysql2@3.24.6 mariadb@3.5.4
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --skip-networking --user="$(id -un)" > log 2>&1 &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
client() { mariadb --no-defaults --socket="$folder/socket" --user=root --batch --skip-column-names -e "$1" shop; }
mariadb --no-defaults --socket="$folder/socket" --user=root -e "create database shop"
client "create table payment (id varchar(9) primary key)"
cat > try.mjs << 'JS'
import { createConnection as createMariadb } from "mariadb"
import { createConnection as createMysql2 } from "mysql2/promise"

const options = { socketPath: "socket", user: "root", database: "shop" }
const mysql2 = async (more) => {
  const connection = await createMysql2({ ...options, ...more })
  return async (text) => (await connection.query(text))[0].affectedRows
}
const mariadb = async (more) => {
  const connection = await createMariadb({ ...options, ...more })
  return async (text) => (await connection.query(text)).affectedRows
}
const ways = {
  mysql2: await mysql2(),
  "mysql2, without FOUND_ROWS": await mysql2({ flags: ["-FOUND_ROWS"] }),
  mariadb: await mariadb(),
  "mariadb, without foundRows": await mariadb({ foundRows: false })
}
for (const [name, ask] of Object.entries(ways)) {
  const twice = async (text) => {
    await ask("delete from payment")
    return `first ${await ask(text)}, again ${await ask(text)}`
  }
  const update = await twice("insert into payment (id) values ('a') on duplicate key update id = id")
  const ignore = await twice("insert ignore into payment (id) values ('a')")
  console.log(`${name}: ${update}; insert ignore: ${ignore}`)
}
process.exit()
JS
expected="mysql2: first 1, again 1; insert ignore: first 1, again 0
mysql2, without FOUND_ROWS: first 1, again 0; insert ignore: first 1, again 0
mariadb: first 1, again 1; insert ignore: first 1, again 0
mariadb, without foundRows: first 1, again 0; insert ignore: first 1, again 0
the server's own client: first 1, again 0"
seen=$(node try.mjs)
text="insert into payment (id) values ('b') on duplicate key update id = id; select row_count()"
seen+=$'\n'"the server's own client: first $(client "$text"), again $(client "$text")"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
