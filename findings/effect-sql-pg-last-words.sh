#!/usr/bin/env bash
# @effect/sql-pg 4.0.5: why the server or PgBouncer ends a connection is said by it, and not by the error, which has no SQLSTATE.
#
# The server answers a statement with an error and ends the connection where that cannot go on: with 57P01 where an administrator
# or a restart ends it meanwhile; and so PgBouncer refuses what its mode does not have, as BEGIN in statement mode. One expects
# that error, as `pg` gives it, and tells by its SQLSTATE a restart from a cable that was pulled, and from what will never work.
# But the client waits for the `ReadyForQuery` that comes after other errors and not after this one, sees the socket close, and
# says that and nothing else: a `ConnectionError` "Connection closed", whose cause has neither a code nor the server's words.
#
# Seen with PostgreSQL 15.18, Node 24 (a session that ends itself, and an error that ends nothing):
#
#     pg: terminating connection due to administrator command, 57P01
#     @effect/sql-pg: ConnectionError, Connection closed, undefined
#     @effect/sql-pg, division by zero: UnknownError, division by zero, 22012
#
# Succeeds while this is so. What to do instead: take `ConnectionError` for one that may be tried again a bounded number of times,
# and look into the server's or the pooler's log for the reason.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 @effect/sql-pg@4.0.5 pg@8.23.1
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
import * as PgConnection from "@effect/sql-pg/PgConnection"
import { Effect } from "effect"
import pg from "pg"

const end = "select pg_terminate_backend(pg_backend_pid())"
const client = new pg.Client({ host: process.cwd(), user: "postgres", database: "postgres" })
client.on("error", () => {})
await client.connect()
await client.query(end).catch(({ code, message }) => console.log(`pg: ${message}, ${code}`))

const ask = (statement) =>
  PgConnection.make({ host: process.cwd(), username: "postgres", database: "postgres" }).pipe(
    Effect.flatMap((connection) => connection.query(statement)),
    Effect.scoped,
    Effect.flip,
    Effect.map(({ reason: { _tag, cause } }) => `${_tag}, ${cause.message}, ${cause.code}`),
    Effect.runPromise
  )
console.log(`@effect/sql-pg: ${await ask(end)}`)
console.log(`@effect/sql-pg, division by zero: ${await ask("select 1 / 0")}`)
process.exit()
JS
expected="pg: terminating connection due to administrator command, 57P01
@effect/sql-pg: ConnectionError, Connection closed, undefined
@effect/sql-pg, division by zero: UnknownError, division by zero, 22012"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
