#!/usr/bin/env bash
# pg-boss 12.38.0: jobs that are taken in batches come in any order, and one at a time of each group means the last one first, too.
#
# A queue takes "the highest priority first, then the oldest" (`orderByCreatedOn` and `priority` are on), and with one job at a time that
# is what one sees. With `batchSize` one expects ten at a time in that order: deposit before withdrawal, the newest
# state of a row last. But it is only the ten that are chosen so; within a batch they are as the database happened to join them, so
# a loop over them does what was urgent in the middle. With `groupConcurrency: 1`, which is there so that a tenant has one job at
# a time, the one of each group that is in the batch is chosen by its id, which is random: its jobs are done one by one, in any order,
# whatever their priority.
#
# Seen with PostgreSQL 15.18, Node 24 (twenty jobs, taken one after the other):
#
#     one at a time: in order
#     batches of ten: the first ten are 0 to 9, in order: no
#     batches of ten, a priority for each: the first ten are 10 to 19, in order: no
#     one group, groupConcurrency 1, one at a time: in order
#     one group, groupConcurrency 1, batches of ten: one in each batch, in order: no
#
# Succeeds while this is so. What to do instead: sort each batch by what is in `data`; no batches where groups have a limit.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund pg-boss@12.38.0 node@24.10.0
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
import { PgBoss } from "pg-boss"

const boss = new PgBoss({ host: process.cwd(), user: "postgres", database: "postgres" })
await boss.start()
let queues = 0
const taken = async (options, each = () => ({})) => {
  const queue = `queue${++queues}`
  await boss.createQueue(queue)
  for (let number = 0; number < 20; number++) await boss.send(queue, { number }, each(number))
  const batches = []
  while (batches.flat().length < 20) {
    const jobs = await boss.fetch(queue, options)
    batches.push(jobs.map(({ data }) => data.number))
    await boss.complete(queue, jobs.map(({ id }) => id))
  }
  return batches
}
const inOrder = (numbers, before = (one, other) => one < other) =>
  numbers.every((number, index) => index === 0 || before(numbers[index - 1], number))
const said = (numbers, before) => inOrder(numbers, before) ? "yes" : "no"
const range = (numbers) => `${Math.min(...numbers)} to ${Math.max(...numbers)}`

const single = await taken({})
console.log(`one at a time: ${inOrder(single.flat()) ? "in order" : "not in order"}`)
const [ten] = await taken({ batchSize: 10 })
console.log(`batches of ten: the first ten are ${range(ten)}, in order: ${said(ten)}`)
const [first] = await taken({ batchSize: 10 }, (priority) => ({ priority }))
const greater = (one, other) => one > other
console.log(`batches of ten, a priority for each: the first ten are ${range(first)}, in order: ${said(first, greater)}`)
const group = () => ({ group: { id: "tenant" } })
const grouped = await taken({ groupConcurrency: 1 }, group)
console.log(`one group, groupConcurrency 1, one at a time: ${inOrder(grouped.flat()) ? "in order" : "not in order"}`)
const tens = await taken({ batchSize: 10, groupConcurrency: 1 }, group)
const each = tens.every((batch) => batch.length === 1) ? "one" : "several"
console.log(`one group, groupConcurrency 1, batches of ten: ${each} in each batch, in order: ${said(tens.flat())}`)
process.exit()
JS
expected="one at a time: in order
batches of ten: the first ten are 0 to 9, in order: no
batches of ten, a priority for each: the first ten are 10 to 19, in order: no
one group, groupConcurrency 1, one at a time: in order
one group, groupConcurrency 1, batches of ten: one in each batch, in order: no"
seen=$(node_modules/.bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
