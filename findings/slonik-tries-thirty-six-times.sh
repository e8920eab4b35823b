#!/usr/bin/env bash
# slonik 49.10.9: what is in a nested transaction is done 36 times over when it cannot be serialized, and it never can be within the outer one.
#
# slonik tries a transaction again by itself when PostgreSQL says that it could not be serialized or was in a deadlock: by default five times
# more (`transactionRetryLimit`), so that one expects six calls of the function at most. A nested one (a savepoint) is tried again in the
# same way, inside the outer transaction. That has the snapshot that it had, so that each of its tries must end as the first; and
# when they are over, the outer one begins anew, and they do as well. Six times six calls, without a pause; with three
# levels 216. Whatever the function does besides SQL, such as a mail or a charge, is done as often, though nothing is saved.
#
# Seen with PostgreSQL 15.18, Node 24 (another one changes the row each time after the outer one has read it):
#
#     one transaction: calls 6, of the nested one 0; ended with 40001
#     with a nested one: calls 6, of the nested one 36; ended with 40001
#
# Succeeds while this is so. What to do instead: `nested.transaction(work, 0)`, no retries within.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund slonik@49.10.9 zod@4 pg@8.23.1 node24@npm:node@24.21.0
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
import { createPool, sql } from "slonik"

const pool = await createPool(`postgres://postgres@${encodeURIComponent(process.cwd())}/postgres`)
await pool.query(sql.unsafe`create table account (id int primary key, credit int)`)
await pool.query(sql.unsafe`insert into account values (1, 0)`)
const other = new pg.Client({ host: process.cwd(), user: "postgres", database: "postgres" })
await other.connect()
const change = (it) => it.query(sql.unsafe`update account set credit = credit + 1 where id = 1`)
for (const nested of [false, true]) {
  const calls = [0, 0]
  const ended = await pool.transaction(async (tx) => {
    calls[0]++
    await tx.query(sql.unsafe`set transaction isolation level serializable`)
    await tx.query(sql.unsafe`select * from account`)
    await other.query("update account set credit = credit + 1")
    if (!nested) return change(tx)
    return tx.transaction((inner) => {
      calls[1]++
      return change(inner)
    })
  }).then(() => "well", (error) => error.cause?.code ?? error.code ?? error.message)
  const words = nested ? "with a nested one" : "one transaction"
  console.log(`${words}: calls ${calls[0]}, of the nested one ${calls[1]}; ended with ${ended}`)
}
process.exit()
JS
expected="one transaction: calls 6, of the nested one 0; ended with 40001
with a nested one: calls 6, of the nested one 36; ended with 40001"
seen=$(node_modules/node24/bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
