#!/usr/bin/env bash
# @nicnocquee/dataqueue 1.24.0: within a batch, jobs are not done in the order of their priority, with `concurrency: 1` either.
#
# Jobs with a higher `priority` go first, and with `concurrency: 1` one expects them to be done from the highest to the lowest.
# Which jobs are in a batch is chosen by priority, by a subquery with ORDER BY; but what is worked through is what an UPDATE
# around it returns, and that has no order in PostgreSQL, however the rows were chosen. So of each ten (`batchSize`) the most
# urgent one may be the last.
#
# Seen with PostgreSQL 15.18, Node 20 (30 jobs with the priorities 1 to 30, one batch, one at a time):
#
#     a batch of 10: 21 to 30; from the highest to the lowest: false
#     10 batches of 1: 21 to 30; from the highest to the lowest: true
#
# Succeeds while this is so. What to do instead: `batchSize: 1` where the order matters.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @nicnocquee/dataqueue@1.24.0 node-pg-migrate@8.0.3 pg@8.23.1
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
DATABASE_URL="postgres://postgres@localhost/postgres?host=$folder" \
  npx node-pg-migrate up -m node_modules/@nicnocquee/dataqueue/migrations > /dev/null
cat > try.mjs << 'JS'
import { initJobQueue } from "@nicnocquee/dataqueue"
import pg from "pg"

const databaseConfig = { host: process.cwd(), user: "postgres", database: "postgres" }
const queue = initJobQueue({ databaseConfig })
const admin = new pg.Client(databaseConfig)
await admin.connect()
for (const [words, batchSize, batches] of [["a batch of 10", 10, 1], ["10 batches of 1", 1, 10]]) {
  await admin.query("truncate job_queue cascade")
  for (let priority = 1; priority <= 30; priority++) await queue.addJob({ jobType: "job", payload: { priority }, priority })
  const done = []
  const processor = queue.createProcessor({ job: async (it) => void done.push(it.priority) }, { batchSize, concurrency: 1 })
  for (let i = 0; i < batches; i++) await processor.start()
  const inOrder = done.every((it, i) => i === 0 || it < done[i - 1])
  console.log(`${words}: ${Math.min(...done)} to ${Math.max(...done)}; from the highest to the lowest: ${inOrder}`)
}
process.exit()
JS
expected="a batch of 10: 21 to 30; from the highest to the lowest: false
10 batches of 1: 21 to 30; from the highest to the lowest: true"
seen=$(node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
