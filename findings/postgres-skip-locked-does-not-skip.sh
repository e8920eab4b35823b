#!/usr/bin/env bash
# PostgreSQL 15: under repeatable read, `for update skip locked` does not skip a job that somebody else has done, but fails.
#
# `skip locked` takes jobs that nobody has, and never waits and never meets another worker; one expects that to hold at each level of
# isolation, and a job that was done meanwhile to be skipped like one that is being done. But a transaction of repeatable read (and of
# serializable) looks at what was there when it began. A job that another worker has finished since then is to be taken, in that
# view, and is not locked any more: so it is not skipped, but is an update that came in between, and the statement fails. So of workers
# that read anything before they take a job, one fails for each job that another finishes in that moment, and the more workers there are
# the fewer jobs are done.
#
# Seen with PostgreSQL 15 (three jobs; a transaction has read something; job 1 is taken by another worker, or taken and done):
#
#     read committed: while job 1 is being done: takes 2; when it is done: takes 2
#     repeatable read: while job 1 is being done: takes 2; when it is done: ERROR: could not serialize access due to concurrent update
#
# Succeeds while this is so. What to do instead: read committed for what takes jobs.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/15/bin 2> /dev/null) || { echo "needs PostgreSQL 15 (Debian's postgresql)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
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
sql() { "$bin/psql" -h "$folder" -U postgres -qAtX -c "$1" 2>&1; }
sql "create table job (id int primary key, state text)"
take="select id from job where state = 'new' order by id limit 1 for update skip locked"
asleep() { until [[ $(sql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == "$1" ]]; do sleep 0.05; done; }
worker() { # level: reads something, pauses, takes a job
  sql "begin isolation level $1; select from job limit 0; select from pg_sleep(2); $take; commit" | grep -v '^$' | sed 's/  */ /g' | head -1
}
seen=$(
  for level in "read committed" "repeatable read"; do
    result="$level:"
    for other in "while job 1 is being done" "when it is done"; do
      sql "truncate job; insert into job select n, 'new' from generate_series(1, 3) as n"
      worker "$level" > took &
      pid=$!
      asleep 1
      if [[ $other == while* ]]; then
        sql "begin; update job set state = 'done' where id = 1; select from pg_sleep(4); commit" > /dev/null &
        asleep 2
      else
        sql "update job set state = 'done' where id = 1"
      fi
      wait $pid
      wait
      took=$(< took)
      [[ $took == ERROR* ]] || took="takes $took"
      result+=" $other: $took;"
    done
    echo "${result%;}"
  done
)
expected="read committed: while job 1 is being done: takes 2; when it is done: takes 2
repeatable read: while job 1 is being done: takes 2; when it is done: ERROR: could not serialize access due to concurrent update"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
