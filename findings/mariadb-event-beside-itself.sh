#!/usr/bin/env bash
# MariaDB 10.11.19: an event that takes longer than its interval runs beside itself, as often as it likes, and stopping it stops none.
#
# `create event ... on schedule every 1 second do ...` makes the server call a piece of SQL in each second. One expects what pg_cron and
# most schedulers inside of a server do: one event is one job, and when it is still at work as its time comes, that time is left out or
# waits. But the event scheduler starts a connection for each time, and looks at no other: with three seconds of work there are three
# at once, and with a job that waits for a lock, one more each second, until there are no connections left. `alter event ...
# disable` and `drop event` let those that run go on to their end, and `show events` does not know them.
#
# Seen (an event of each second that takes 5 s; the scheduler's own log is a table):
#
#     at work at the same time: more than one
#     after "drop event": events 0, still at work: more than one
#     with get_lock('job', 0) around the work, at the same time: one
#
# Succeeds while this is so. What to do instead: `if get_lock('job', 0) then ... do release_lock('job'); end if` within the event.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }
mariadbd --version | grep -q "10\.11\.19" || { echo "needs MariaDB 10.11.19"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --skip-networking --user="$(id -un)" \
  --event-scheduler=on > log 2>&1 &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
sql() { mariadb --no-defaults --socket="$folder/socket" --user=root --skip-column-names --silent "$@"; }
at_work() {
  local count
  count=$(sql work -e "select count(*) from run where ended is null")
  ((count > 1)) && echo "more than one" || { ((count == 1)) && echo one || echo none; }
}
sql -e "create database work"
sql work << 'SQL'
create table run (id int auto_increment primary key, ended datetime);
delimiter //
create procedure job() begin
  declare id int;
  insert into run () values ();
  set id = last_insert_id();
  do sleep(5);
  update run set ended = now() where run.id = id;
end//
create event each_second on schedule every 1 second do call job()//
SQL
seen() {
  sleep 6
  echo "at work at the same time: $(at_work)"
  sql work -e "drop event each_second"
  echo "after \"drop event\": events $(sql -e "select count(*) from information_schema.events"), still at work: $(at_work)"
  sleep 7
  sql work << 'SQL'
delete from run;
delimiter //
create event each_second on schedule every 1 second do begin
  if get_lock('job', 0) then
    call job();
    do release_lock('job');
  end if;
end//
SQL
  sleep 4
  echo "with get_lock('job', 0) around the work, at the same time: $(at_work)"
}
expected='at work at the same time: more than one
after "drop event": events 0, still at work: more than one
with get_lock('"'job'"', 0) around the work, at the same time: one'
seen=$(seen)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
