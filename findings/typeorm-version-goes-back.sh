#!/usr/bin/env bash
# typeorm 1.1.1: `save` of what was read a while ago sets the `@VersionColumn` back, so that others who check the version are deceived too.
#
# A version column "gets incremented each time save() is called", and is there for optimistic locks. That `save` does not compare it is one thing: who
# saves what somebody else has changed meanwhile undoes that. But one expects the number to go up then, so that whoever
# checks it (`lock: { mode: "optimistic", version }`) is told. `save` compares the entity with the row and writes what differs, and the
# version differs: it is set to the old one. Then the third one, who read at the beginning as well, asks whether the row is
# still of that version, and it is, though it was written twice.
#
# Seen with PostgreSQL 15.18, Node 24 (three read version 1; the first and the second add 10 and 100 to a count of 1 and save):
#
#     first: count 11, version 2
#     second: count 101, version 1
#     third, asks for version 1: is told that it is
#     third, if only the first had saved: is told that it is 2
#
# Succeeds while this is so. What to do instead: `update` with the version in its condition, and a look at `affected`.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund typeorm@1.1.1 pg@8.23.1 reflect-metadata@0.2.2
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
import "reflect-metadata"
import { DataSource, EntitySchema } from "typeorm"

const columns = { id: { type: Number, primary: true }, count: { type: Number }, version: { type: Number, version: true } }
const Item = new EntitySchema({ name: "item", columns })
const source = new DataSource({ type: "postgres", host: process.cwd(), username: "postgres", database: "postgres", entities: [Item], synchronize: true })
await source.initialize()
const items = source.getRepository(Item)
const read = () => items.findOneByOrFail({ id: 1 })
const third = (version) =>
  source.transaction((manager) => manager.findOne(Item, { where: { id: 1 }, lock: { mode: "optimistic", version } }))
    .then(() => "is told that it is", (error) => `is told that it is ${/is actually (\d+)/.exec(error.message)?.[1] ?? error.message}`)
const add = async (item, count) => {
  item.count += count
  await items.save(item)
  const { count: sum, version } = await read()
  return `count ${sum}, version ${version}`
}
await items.insert({ id: 1, count: 1 })
const [one, two] = await Promise.all([read(), read()])
console.log(`first: ${await add(one, 10)}`)
console.log(`second: ${await add(two, 100)}`)
console.log(`third, asks for version 1: ${await third(1)}`)
await items.delete({ id: 1 })
await items.insert({ id: 1, count: 1 })
await add(await read(), 10)
console.log(`third, if only the first had saved: ${await third(1)}`)
process.exit()
JS
expected="first: count 11, version 2
second: count 101, version 1
third, asks for version 1: is told that it is
third, if only the first had saved: is told that it is 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
