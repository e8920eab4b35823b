#!/usr/bin/env bash
# MariaDB 10.11.19: whoever takes jobs with `for update skip locked` and finds fewer than he asked for keeps new ones from being added.
#
# `skip locked` is there so that nobody waits in a queue: a worker takes up to ten jobs and holds their rows while it does them, others
# take others, and what is added meanwhile is none of the rows that are locked. One expects adding never to wait for doing, as in
# PostgreSQL. But under repeatable read, which is the default, what a statement has looked through is locked with its gaps. That is
# harmless as long as there are jobs enough. Who asks for ten and finds two, or none, has come to the end of the index, and locks
# the end, which is where each new job is to be written. So in a quiet hour every `insert` waits until the worker has ended its
# transaction, and fails after 50 s; in a busy one, and in a test with many jobs, it does not.
#
# Seen with mysql2 3.24.6, Node 20 (`innodb_lock_wait_timeout` is 1 s here; another one adds a job while the worker has its own):
#
#     repeatable read, 20 jobs: takes 10; another is added: yes
#     repeatable read, 2 jobs: takes 2; another is added: Lock wait timeout exceeded; try restarting transaction
#     repeatable read, 0 jobs: takes 0; another is added: Lock wait timeout exceeded; try restarting transaction
#     read committed, 20 jobs: takes 10; another is added: yes
#     read committed, 2 jobs: takes 2; another is added: yes
#     read committed, 0 jobs: takes 0; another is added: yes
#
# Succeeds while this is so. What to do instead: `set session transaction isolation level read committed` in workers.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mysql2@3.24.6
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --skip-networking --user="$(id -un)" \
  --innodb-lock-wait-timeout=1 > log 2>&1 &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { createConnection } from "mysql2/promise"

const connect = () => createConnection({ socketPath: "socket", user: "root" })
const [worker, producer] = [await connect(), await connect()]
await producer.query("create database queue")
for (const connection of [worker, producer]) await connection.query("use queue")
await producer.query("create table job (id int auto_increment primary key, state varchar(10) not null, index (state, id))")
const add = () => producer.query("insert into job (state) values ('new')")
for (const level of ["repeatable read", "read committed"]) {
  await worker.query(`set session transaction isolation level ${level}`)
  for (const jobs of [20, 2, 0]) {
    await producer.query("truncate job")
    for (let n = 0; n < jobs; n++) await add()
    await worker.query("begin")
    const [taken] = await worker.query("select id from job where state = 'new' order by id limit 10 for update skip locked")
    const added = await add().then(() => "yes", (error) => error.message)
    await worker.query("commit")
    console.log(`${level}, ${jobs} jobs: takes ${taken.length}; another is added: ${added}`)
  }
}
process.exit()
JS
expected="repeatable read, 20 jobs: takes 10; another is added: yes
repeatable read, 2 jobs: takes 2; another is added: Lock wait timeout exceeded; try restarting transaction
repeatable read, 0 jobs: takes 0; another is added: Lock wait timeout exceeded; try restarting transaction
read committed, 20 jobs: takes 10; another is added: yes
read committed, 2 jobs: takes 2; another is added: yes
read committed, 0 jobs: takes 0; another is added: yes"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
