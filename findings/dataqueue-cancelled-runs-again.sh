#!/usr/bin/env bash
# @nicnocquee/dataqueue 1.24.0: a job that waits for its next attempt cannot be cancelled; it is written down as cancelled, and runs again.
#
# A job that has failed is tried again after two minutes, four, eight, and so on. Whoever sees it fail, and knows that it is
# of no use, calls `cancelJob`, and expects that it does not run again, or an error. The call resolves, and the history of
# the job says "cancelled" after that. But only a job with the status "pending" is cancelled, and one that waits for its next
# attempt has "failed", like one that has failed for good. So it runs again, and once more after that. `editJob` likewise resolves,
# writes "edited" down, and changes nothing.
#
# Seen with PostgreSQL 15.18, Node 20 (the next attempt is made due by hand):
#
#     the first attempt fails
#     cancelJob: done; history: added, processing, failed, cancelled
#     editJob: done; history: added, processing, failed, cancelled, edited
#     attempt 2 is made, with the data that it had at first
#
# Succeeds while this is so.
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
const history = async (id) => (await queue.getJobEvents(id)).map((event) => event.eventType).join(", ")
const said = (promise) => promise.then(() => "done", (error) => error.message)

const runs = []
const job = async ({ version }) => {
  runs.push(version)
  throw new Error("no")
}
const processor = queue.createProcessor({ job })
const id = await queue.addJob({ jobType: "job", payload: { version: "at first" }, maxAttempts: 3 })
await processor.start()
console.log(`the first attempt ${(await queue.getJob(id)).lastFailedAt === null ? "is done" : "fails"}`)
console.log(`cancelJob: ${await said(queue.cancelJob(id))}; history: ${await history(id)}`)
console.log(`editJob: ${await said(queue.editJob(id, { payload: { version: "later" } }))}; history: ${await history(id)}`)
await admin.query("update job_queue set next_attempt_at = now()")
await processor.start()
console.log(`attempt ${runs.length} is made, with the data that it had ${runs.at(-1)}`)
process.exit()
JS
expected="the first attempt fails
cancelJob: done; history: added, processing, failed, cancelled
editJob: done; history: added, processing, failed, cancelled, edited
attempt 2 is made, with the data that it had at first"
seen=$(node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
