#!/usr/bin/env bash
# @mikro-orm/core 7.2.5: what a nested transaction had set, and rolled back, is still set in the outer one, which goes on with it and saves it.
#
# `em.transactional` within `em.transactional` is a savepoint: if it fails, and the outer one catches that and goes on, what was done in the inner one is
# undone. In the database it is. But both have the same object for a row, and the object keeps what it was set to. So the outer
# transaction reads a balance that never was, also if it asks for the row again, and what it computes from that it saves: the
# rolled back payment is in the sum.
#
# Seen with PostgreSQL 15.18, Node 24 (a balance of 100; the inner transaction sets it to 0 and fails; the outer one adds 1):
#
#     after the inner one: the database has 100, the object 0, found again 0
#     after the outer one: the database has 1
#     with `refresh: true`: found again 100, the database has 101
#
# Succeeds while this is so. What to do instead: `em.refresh` (or `refresh: true`) for all that the inner one could have touched.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @mikro-orm/core@7.2.5 @mikro-orm/postgresql@7.2.5
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
import { EntitySchema, MikroORM } from "@mikro-orm/postgresql"

const properties = { id: { type: "number", primary: true }, balance: { type: "number" } }
const Account = new EntitySchema({ name: "Account", properties })
const orm = await MikroORM.init({ entities: [Account], host: process.cwd(), user: "postgres", dbName: "postgres" })
const connection = orm.em.getConnection()
await connection.execute("create table account (id integer primary key, balance integer)")
const stored = async (em) => (await em.execute("select balance from account"))[0].balance
for (const refresh of [false, true]) {
  await connection.execute("delete from account")
  await connection.execute("insert into account values (1, 100)")
  const seen = await orm.em.fork().transactional(async (outer) => {
    const account = await outer.findOneOrFail(Account, 1)
    await outer.transactional(async (inner) => {
      const paying = await inner.findOneOrFail(Account, 1)
      paying.balance = 0
      await inner.flush()
      throw new Error("the bank does not answer")
    }).catch(() => {})
    const { balance } = account
    const found = (await outer.findOneOrFail(Account, 1, { refresh })).balance
    account.balance += 1
    return { balance, found, stored: await stored(outer) }
  })
  const after = await stored(orm.em.fork())
  if (refresh) {
    console.log(`with \`refresh: true\`: found again ${seen.found}, the database has ${after}`)
  } else {
    console.log(`after the inner one: the database has ${seen.stored}, the object ${seen.balance}, found again ${seen.found}`)
    console.log(`after the outer one: the database has ${after}`)
  }
}
process.exit()
JS
expected='after the inner one: the database has 100, the object 0, found again 0
after the outer one: the database has 1
with `refresh: true`: found again 100, the database has 101'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
