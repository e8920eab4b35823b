#!/usr/bin/env bash
# PostgreSQL 15: a lease that is taken by one update may be over when it is taken, by `clock_timestamp()` too, if its row was locked.
#
# A lease in a row is taken by one statement: `update lease set owner = 'b', until = TIME + interval '2 s' where until < TIME`; whoever is
# told of a row has two seconds. One expects these to begin when the row is written, if not by `now()`, which is when the transaction
# began, then by `clock_timestamp()`. But the new row is made before the old one is locked. When somebody else has the row at that moment,
# who looks at it `for update`, the statement waits, and then writes what it had made before. Only when the other one has changed
# the row, it is made anew, and then `clock_timestamp()` is right. So whoever waits for three seconds gets a lease of two that is
# over, is told of it, and goes to work; and so does the next one who comes.
#
# Seen with PostgreSQL 15 (another one has the row for three seconds; b takes it, then c at once):
#
#     now(), the row was locked: b has it, for more than a second: no; c has it as well
#     clock_timestamp(), the row was locked: b has it, for more than a second: no; c has it as well
#     clock_timestamp(), the row was changed: b has it, for more than a second: yes; c is refused
#     clock_timestamp(), after a select for update: b has it, for more than a second: yes; c is refused
#
# Succeeds while this is so. What to do instead: `select ... for update` in a statement before, in the same transaction.
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
update() { # who, by which clock
  echo "update lease set owner = '$1', until = $2 + interval '2 s' where until < $2 returning until > clock_timestamp() + interval '1 s'"
}
try() { # name, clock, what another one does with the row, what is done before the update
  local left next
  sql "drop table if exists lease; create table lease as select 'a' as owner, now() - interval '1 s' as until" > /dev/null
  sql "begin; $3; select pg_sleep(3); commit" > /dev/null &
  until [[ $(sql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") != 0 ]]; do sleep 0.05; done
  left=$(sql "begin; $4; $(update b "$2"); commit" | grep '[tf]')
  next=$(sql "$(update c "$2")")
  wait $!
  [[ $left == t ]] && left=yes || left=no
  echo "$1: b has it, for more than a second: $left; c $([[ -n $next ]] && echo "has it as well" || echo "is refused")"
}
lock="select from lease for update"
seen=$(
  try "now(), the row was locked" "now()" "$lock" "select"
  try "clock_timestamp(), the row was locked" "clock_timestamp()" "$lock" "select"
  try "clock_timestamp(), the row was changed" "clock_timestamp()" "update lease set owner = 'z'" "select"
  try "clock_timestamp(), after a select for update" "clock_timestamp()" "$lock" "$lock"
)
expected="now(), the row was locked: b has it, for more than a second: no; c has it as well
clock_timestamp(), the row was locked: b has it, for more than a second: no; c has it as well
clock_timestamp(), the row was changed: b has it, for more than a second: yes; c is refused
clock_timestamp(), after a select for update: b has it, for more than a second: yes; c is refused"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
