#!/usr/bin/env bash
# PostgreSQL 15: under repeatable read, `for key share` locks a row that has changed since, and gives it as it was before.
#
# Whoever locks a row under repeatable read may believe what it reads of it: if somebody has changed the row since the transaction began,
# the statement fails with "could not serialize access due to concurrent update", and the transaction is tried again. `for key share`
# is called a weaker `for share`, so one expects the same of it. But a change that leaves the key alone does not get in its way, also when
# it was committed long ago: the row is locked in all its versions, nothing fails, and what comes back is the old one. So a transaction
# that "locks the account, and sees that it is open" goes on with one that was closed meanwhile, and commits.
#
# Seen with PostgreSQL 15 (a transaction of repeatable read has begun; the account is closed and committed; the transaction locks it):
#
#     for key share: open, and commits
#     for share: ERROR: could not serialize access due to concurrent update
#     for no key update: ERROR: could not serialize access due to concurrent update
#     for update: ERROR: could not serialize access due to concurrent update
#
# Succeeds while this is so. What to do instead: `for share` where the row's content is relied upon, or read committed, where
# `for key share` looks at the row as it is now.
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
for _ in {1..300}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
export PGHOST=$folder PGUSER=postgres
sql=("$bin/psql" -qAtX)
"${sql[@]}" -c "create table account (id int primary key, state text)"
seen=$(
  for lock in "key share" share "no key update" update; do
    "${sql[@]}" -c "delete from account; insert into account values (1, 'open')"
    result=$("${sql[@]}" 2>&1 << END | grep -v '^$' | sed 's/  */ /g' | head -2 | paste -sd ' '
begin isolation level repeatable read;
select from account limit 0;
\! ${sql[*]} -c "update account set state = 'closed' where id = 1"
select state from account where id = 1 for $lock;
commit;
select 'committed';
END
    )
    case $result in
      "open committed") result="open, and commits" ;;
      *ERROR*) result=$(grep -o 'ERROR: .*update' <<< "$result") ;;
    esac
    echo "for $lock: $result"
  done
)
expected="for key share: open, and commits
for share: ERROR: could not serialize access due to concurrent update
for no key update: ERROR: could not serialize access due to concurrent update
for update: ERROR: could not serialize access due to concurrent update"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
