#!/usr/bin/env bash
# @nicnocquee/dataqueue 1.24.0: with `concurrency: 1`, "to process jobs sequentially", another one begins at each look into the queue.
#
# `concurrency` is "the maximum number of jobs to process in parallel per batch. Set to 1 to process jobs sequentially". One
# expects a processor in the background to look for the next batch when it has done the last one, or to leave out the look
# that falls into its work. But it looks every `pollInterval` (five seconds) whatever it is doing, and each look is a batch of
# its own. So a job that takes longer than that gets another beside it at each look, for as long as there are any: a call to
# a service that allows one at a time, in ten copies. Short jobs, as those in a test, do run one after the other.
#
# Seen with PostgreSQL 15.18, Node 20 (2 jobs, a look every 6 s, `concurrency` and `batchSize` 1):
#
#     jobs of 0.1 s: 1 at once
#     jobs of 12 s: 2 at once
#
# Succeeds while this is so. What to do instead: `start()`, which is one batch, in a loop of one's own.
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

const queue = initJobQueue({ databaseConfig: { host: process.cwd(), user: "postgres", database: "postgres" } })
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (seconds) => {
  let running = 0
  let most = 0
  let done = 0
  const job = async () => {
    most = Math.max(most, ++running)
    await sleep(seconds * 1000)
    running--
    done++
  }
  for (let i = 0; i < 2; i++) await queue.addJob({ jobType: "job", payload: {} })
  const processor = queue.createProcessor({ job }, { concurrency: 1, batchSize: 1, pollInterval: 6000 })
  processor.startInBackground()
  while (done < 2) await sleep(50)
  processor.stop()
  console.log(`jobs of ${seconds} s: ${most} at once`)
}
await look(0.1)
await look(12)
process.exit()
JS
expected="jobs of 0.1 s: 1 at once
jobs of 12 s: 2 at once"
seen=$(node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
