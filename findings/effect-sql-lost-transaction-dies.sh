#!/usr/bin/env bash
# effect 4.1.0 with @effect/sql-pg 4.0.5: where a connection is lost within a transaction, `SqlError` cannot be caught: it is a defect.
#
# A statement whose connection is lost fails with `SqlError`, as its type says, so one catches that around `sql.withTransaction`, or
# retries the whole: the transaction was rolled back by the loss. But `withTransaction` then sends `ROLLBACK` on the connection that is
# gone, and when that fails, too, makes defects of both errors. `Effect.catchTag` and `Effect.retry` do not see them, nor a failure of
# the work's own at whose rollback the connection is found gone (`idle_in_transaction_session_timeout`, a restart of the server).
#
# Seen with PostgreSQL 15.18, Node 24:
#
#     a statement alone, retried once: caught SqlError, of 2 attempts
#     in a transaction, retried once: died of SqlError and SqlError, of 1 attempts
#     a failure of the work, found too late: died of sold out and SqlError, of 1 attempts
#
# Succeeds while this is so. What to do instead: turn it into a failure again where it is to be retried (`Effect.catchDefect`, as in the
# last line).
#
#     with that, retried once: caught SqlError, of 2 attempts
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 @effect/sql-pg@4.0.5
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
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

const tried = (what, work) => {
  let attempts = 0
  const name = (error) => error?._tag ?? String(error)
  return Effect.suspend(() => (attempts++, work)).pipe(
    Effect.retry({ times: 1 }),
    Effect.catch((error) => Effect.succeed(`caught ${name(error)}`)),
    Effect.catchCause((cause) => Effect.succeed(`died of ${cause.reasons.map(({ defect }) => name(defect)).join(" and ")}`)),
    Effect.map((end) => console.log(`${what}: ${end}, of ${attempts} attempts`))
  )
}

await Effect.runPromise(Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  // As a server does that is restarted, or an operator.
  const lost = sql`select pg_terminate_backend(pg_backend_pid())`
  yield* tried("a statement alone, retried once", lost)
  yield* tried("in a transaction, retried once", sql.withTransaction(lost))
  const late = Effect.gen(function*() {
    yield* sql`set local idle_in_transaction_session_timeout = '100ms'`
    yield* Effect.sleep("1 second")
    return yield* Effect.fail("sold out")
  })
  yield* tried("a failure of the work, found too late", sql.withTransaction(late))
  const failing = Effect.catchDefect(sql.withTransaction(lost), Effect.fail)
  yield* tried("with that, retried once", failing)
}).pipe(Effect.provide(PgClient.layer({ host: process.cwd(), username: "postgres", database: "postgres" }))))
process.exit()
JS
expected='a statement alone, retried once: caught SqlError, of 2 attempts
in a transaction, retried once: died of SqlError and SqlError, of 1 attempts
a failure of the work, found too late: died of sold out and SqlError, of 1 attempts
with that, retried once: caught SqlError, of 2 attempts'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
