#!/usr/bin/env bash
# Firebird 3.0.11, read committed: a plain select waits for whoever writes, or else whoever waited to write is told of a deadlock.
#
# Firebird has kept versions of rows since before others did, and read committed is what applications ask for. One knows it from PostgreSQL and
# Oracle: a select reads what was committed last and waits for nobody, and an update of a row that another transaction has updated waits
# for its commit and goes on with the new row. Here one has the choice between the two. `set transaction read committed` means `no
# record_version`: a select waits for the end of the transaction that has written the row, or, with `no wait`, fails with "deadlock, read conflicts
# with concurrent update". With `record_version` it does not wait, but an update that waited (`wait`) fails when the other one has
# committed: "deadlock, update conflicts with concurrent update", though nobody waits for anybody. So a counter of one statement must be tried
# again by the program in the one mode, and a report stands still behind an import in the other.
#
# Seen (an account of 1; the first adds 10 and has not yet committed; then the second comes, and then the first commits):
#
#     read committed, select: waits for the commit, then 11
#     read committed, update of one more: waits for the commit, then 12
#     read committed no wait, select: deadlock
#     read committed record_version, select: 1, at once
#     read committed record_version, update of one more: waits for the commit, then deadlock
#     read committed record_version, select with lock and update of one more: waits for the commit, then 12
#
# Succeeds while this is so. Needs Firebird, of which no server is started. What to do instead: `record_version`, and `select ... with lock`
# before what is written.
set -euo pipefail
[[ $(isql-fb -z 2> /dev/null < /dev/null | head -1) == *V3.0.11.* && -e /usr/lib/x86_64-linux-gnu/firebird/3.0/plugins/libEngine12.so ]] || {
  echo "needs Firebird 3.0.11 (Debian's firebird3.0-server-core and firebird3.0-utils)"
  exit 1
}

folder=$(mktemp -d)
trap 'touch "$folder/over"; wait; rm -rf "$folder"' EXIT
cd "$folder"
mkdir lock
printf 'ServerMode = Classic\nProviders = Engine12\n' > firebird.conf
export FIREBIRD=$folder FIREBIRD_LOCK=$folder/lock FIREBIRD_TMP=$folder/lock
printf '#!/bin/sh\ntouch held\nwhile [ ! -e over ]; do sleep 0.05; done\n' > hold
chmod +x hold
sql() { isql-fb -q -user SYSDBA "$@" 2>&1; }
sql << SQL
create database '$folder/database' user 'SYSDBA';
create table account (id int primary key, amount int);
insert into account values (1, 1);
commit;
SQL
seen() {
  printf 'update account set amount = 1;\ncommit;\n' | sql database
  rm -f held over
  printf 'update account set amount = amount + 10;\nshell ./hold;\ncommit;\n' | sql database > first &
  until [[ -e held ]]; do sleep 0.05; done
  printf 'set transaction %s;\n%s;\ncommit;\n' "$1" "$2" | sql database > second &
  second=$!
  for _ in {1..30}; do kill -0 $second 2> /dev/null && sleep 0.1 || break; done
  kill -0 $second 2> /dev/null && how="waits for the commit, then " || how=
  touch over
  wait
  if grep -q '^deadlock' second; then what=deadlock
  elif [[ $2 == *update* ]]; then what=$(echo 'select amount from account;' | sql database | grep -oE '[0-9]+' | tail -1)
  else what=$(grep -oE '[0-9]+' second | tail -1)$([[ -n $how ]] || echo ', at once'); fi
  echo "$1, $3: $how$what"
}
expected="read committed, select: waits for the commit, then 11
read committed, update of one more: waits for the commit, then 12
read committed no wait, select: deadlock
read committed record_version, select: 1, at once
read committed record_version, update of one more: waits for the commit, then deadlock
read committed record_version, select with lock and update of one more: waits for the commit, then 12"
seen=$(
  select="select amount from account"
  update="update account set amount = amount + 1"
  seen "read committed" "$select" select
  seen "read committed" "$update" "update of one more"
  seen "read committed no wait" "$select" select
  seen "read committed record_version" "$select" select
  seen "read committed record_version" "$update" "update of one more"
  seen "read committed record_version" "$select with lock;
$update" "select with lock and update of one more"
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
