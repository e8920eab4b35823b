#!/usr/bin/env bash
# @mikro-orm/postgresql 7.2.1: `em.lock()` locks the row, and the entity keeps what was read before, so the next write undoes another's.
#
# "Lock, then read, then write" is how a counter is kept right. `em.find` with a `lockMode` does so, and reads anew even what the entity
# manager has already; so one expects the same of `em.lock(entity, LockMode.PESSIMISTIC_WRITE)`, with which an entity at hand is
# locked. It does wait for the others, and selects the row for update, but only its presence: the entity keeps its
# values from before the wait. What is counted up from there is written over what the one before wrote, under a lock that all
# of them took. In tests without contention nothing of it is seen.
#
# Seen with PostgreSQL 15.18, Node 20 (a credit of 100, of which another takes 50 after it was read; then 10 are added):
#
#     findOneOrFail with a lockMode: read 50, in the end 60
#     lock: read 100, in the end 110
#     lock, then refresh: read 50, in the end 60
#
# Succeeds while this is so. What to do instead: `em.refresh(entity)` after the lock, or `find` with a `lockMode`.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1
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
import { EntitySchema, LockMode, MikroORM } from "@mikro-orm/postgresql"

const properties = { id: { type: "number", primary: true }, credit: { type: "number" } }
const Account = new EntitySchema({ name: "Account", properties })
const orm = await MikroORM.init({ entities: [Account], dbName: "postgres", user: "postgres", host: process.cwd() })
const sql = (text) => orm.em.getConnection().execute(text)
await sql("create table account (id int primary key, credit int)")
await sql("insert into account values (1, 100)")
const look = async (words, lock) => {
  await sql("update account set credit = 100")
  const em = orm.em.fork()
  const account = await em.findOneOrFail(Account, 1)
  await sql("update account set credit = credit - 50")
  let read
  await em.transactional(async (em) => {
    await lock(em, account)
    read = account.credit
    account.credit += 10
  })
  console.log(`${words}: read ${read}, in the end ${(await sql("select credit from account"))[0].credit}`)
}
const lockMode = LockMode.PESSIMISTIC_WRITE
await look("findOneOrFail with a lockMode", (em) => em.findOneOrFail(Account, 1, { lockMode }))
await look("lock", (em, account) => em.lock(account, lockMode))
await look("lock, then refresh", async (em, account) => {
  await em.lock(account, lockMode)
  await em.refresh(account)
})
await orm.close()
JS
expected="findOneOrFail with a lockMode: read 50, in the end 60
lock: read 100, in the end 110
lock, then refresh: read 50, in the end 60"
seen=$(timeout 60 node try.mjs 2> errors) || cat errors
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
