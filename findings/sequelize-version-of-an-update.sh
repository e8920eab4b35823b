#!/usr/bin/env bash
# sequelize 6.37.8: with optimistic locking (`version: true`), `Model.update` is not noticed, and is undone by who read before it.
#
# "Sequelize has built-in support for optimistic locking through a model instance version count": who saves what he read is refused with
# an `OptimisticLockError` if somebody else has changed the row since. `save`, `update` and `increment` of an instance, and
# `Model.increment` count the version. `Model.update({ ... }, { where })` does not, nor does `upsert`. So a row that is changed by
# that, the usual way to change one by its id without reading it, looks unchanged to all who read it before, and they write over it.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (a row is read; somebody else sets its credit to 50 by each of these; then what was read
# is saved with a credit of its own, 90):
#
#     instance.save: refused, credit 50
#     instance.decrement: refused, credit 50
#     Model.decrement: refused, credit 50
#     Model.update: saved, credit 90
#     Model.upsert: saved, credit 90
#
# Succeeds while this is so. What to do instead: `version: sequelize.literal("version + 1")` among the values.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund sequelize@6.37.8 pg@8.23.1
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
import { DataTypes, Sequelize } from "sequelize"

const options = { dialect: "postgres", host: process.cwd(), username: "postgres", database: "postgres", logging: false }
const sequelize = new Sequelize(options)
const Account = sequelize.define("account", { credit: DataTypes.INTEGER }, { version: true })
await sequelize.sync()

const ways = {
  "instance.save": async (id) => (await Account.findByPk(id)).set("credit", 50).save(),
  "instance.decrement": async (id) => (await Account.findByPk(id)).decrement("credit", { by: 50 }),
  "Model.decrement": (id) => Account.decrement("credit", { by: 50, where: { id } }),
  "Model.update": (id) => Account.update({ credit: 50 }, { where: { id } }),
  "Model.upsert": (id) => Account.upsert({ id, credit: 50 })
}
for (const [name, way] of Object.entries(ways)) {
  const read = await Account.create({ credit: 100 })
  await way(read.id)
  read.credit = 90
  const said = await read.save().then(() => "saved", () => "refused")
  console.log(`${name}: ${said}, credit ${(await Account.findByPk(read.id)).credit}`)
}
process.exit()
JS
expected="instance.save: refused, credit 50
instance.decrement: refused, credit 50
Model.decrement: refused, credit 50
Model.update: saved, credit 90
Model.upsert: saved, credit 90"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
