#!/usr/bin/env bash
# PostgreSQL 15: `limit 1 for update skip locked` takes all jobs there are, when the update asks once more for what it takes.
#
# The usual way to take a job from a table is `update ... where id in (select id ... limit 1 for update skip locked)`, and one
# expects one row of it, whatever stands beside it: more conditions can but make it less. But the subquery is part of the plan like
# any other, may be run once for each row, and gives the next row each time, as those that this statement has changed already are
# skipped. With `state = 'new' and` before it, to be on the safe side, that is the plan as soon as the statistics say that hardly
# any row is new, as they do when they were made while the queue was empty: then a worker takes every job that waits, and the others
# find none. One that does the first row that it is given (`rows[0]`) leaves all the rest marked as running. `delete ... using` is
# no better. On the table of a test, which is small or was never analyzed, all of them take one.
#
# Seen with PostgreSQL 15.18 (20 new jobs, of which one is asked for):
#
#     10000 done, no statistics:      id in: 1, with the state: 1, delete using, with the state: 1, id =: 1
#     10000 done, analyzed when idle: id in: 1, with the state: 20, delete using, with the state: 20, id =: 1
#
# Succeeds while this is so. What to do instead: `id = (select ...)` for one, `with taken as materialized (select ...)` for some.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
# The server does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
# Statistics are made here when it is told.
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" -c autovacuum=off > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
sql() { "$bin/psql" -h "$folder" -U postgres -qAt -v ON_ERROR_STOP=1 -c "$1"; }

one="select id from job where state = 'new' order by id limit 1 for update skip locked"
taken() { # the statement, undone afterwards
  sql "begin; $1 returning job.id; rollback" | wc -l
}
sql "create table job (id int primary key, state text not null)" && sql "create index on job (state)"
sql "insert into job select id, 'done' from generate_series(1, 10000) as id"
look() {
  echo "$1 id in: $(taken "update job set state = 'running' where id in ($one)")," \
    "with the state: $(taken "update job set state = 'running' where state = 'new' and id in ($one)")," \
    "delete using, with the state: $(taken "delete from job using ($one) as it where job.id = it.id and state = 'new'")," \
    "id =: $(taken "update job set state = 'running' where state = 'new' and id = ($one)")"
}
new="insert into job select id, 'new' from generate_series(10001, 10020) as id"
sql "$new"
seen=$(look "10000 done, no statistics:     ")
sql "delete from job where state = 'new'" && sql "vacuum analyze job" && sql "$new"
seen+=$'\n'$(look "10000 done, analyzed when idle:")
expected="10000 done, no statistics:      id in: 1, with the state: 1, delete using, with the state: 1, id =: 1
10000 done, analyzed when idle: id in: 1, with the state: 20, delete using, with the state: 20, id =: 1"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
