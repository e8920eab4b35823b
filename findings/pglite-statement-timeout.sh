#!/usr/bin/env bash
# @electric-sql/pglite 0.5.17: `statement_timeout` is accepted and shown, and ends nothing.
#
# PGlite is PostgreSQL, and what cannot work in it is refused, so a setting that is taken, and given back by SHOW, is expected
# to do what the manual says. Programs set it against queries that run away, all the more as such a query stops the program
# that PGlite lives in, timers and all. But there is nobody to keep the time: the statement runs to its end, twenty times as
# long as it may. So a test of what happens when time is up passes where it should not, and the guard is none.
#
# Seen with Node 20 (what may take 100 ms takes 2,000 ms; a timer of the program is due after 50 ms):
#
#     SHOW statement_timeout: 100ms
#     pg_sleep(2): ended by itself, a timer of 50 ms came after it
#     a query of 2 s: ended by itself
#
# Succeeds while this is so. What to do instead: run it in a worker, and end the worker.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @electric-sql/pglite@0.5.17
cat > try.mjs << 'JS'
import { PGlite } from "@electric-sql/pglite"

const db = await PGlite.create()
const end = (query) => query.then(() => "ended by itself", (error) => error.message)

await db.query("set statement_timeout = '100ms'")
console.log(`SHOW statement_timeout: ${(await db.query("show statement_timeout")).rows[0].statement_timeout}`)
let timer = "before"
const ended = end(db.query("select pg_sleep(2)")).then((how) => {
  timer = "after"
  return how
})
const came = new Promise((resolve) => setTimeout(() => resolve(timer), 50))
console.log(`pg_sleep(2): ${await ended}, a timer of 50 ms came ${await came} it`)
const busy = "do $$ declare t timestamptz := clock_timestamp(); begin " +
  "while clock_timestamp() < t + interval '2 s' loop perform count(*) from generate_series(1, 1000); end loop; end $$"
console.log(`a query of 2 s: ${await end(db.query(busy))}`)
process.exit()
JS
expected="SHOW statement_timeout: 100ms
pg_sleep(2): ended by itself, a timer of 50 ms came after it
a query of 2 s: ended by itself"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
