#!/usr/bin/env bash
# graphile-worker 0.18.0: jobs of one key run beside each other, the old one after the new one too, and jobs of one queue in another order.
#
# "A job key ensures one job": what is added with the key of a job replaces it. One expects that there is one job of that key at a time.
# But a job that is at work cannot be replaced; it loses its key, without being told, and the new one begins beside it. Of two runs that
# write what was the state when they began, the older one may be the last. "Jobs of the same queue run in series", one after the other;
# one expects them in the order in which they were added, as that is what a queue is for. But one that fails waits for its next attempt,
# and the others do not wait for it: "withdraw" is done before the "deposit" that was to come first.
#
# Seen (a synchronization whose first run is slow, and is asked for again meanwhile; a deposit that fails at its first attempt, and what
# follows; then both, the synchronization with a key and a queue of the same name):
#
#     begins with A, begins with B, writes B, writes A
#     deposit fails, withdraw, close, deposit
#     begins with A, writes A, begins with B, writes B
#
# Succeeds while this is so. Needs PostgreSQL on this host. What to do instead: a key and a queue name for what must not run beside
# itself; where the order counts, one job for all steps.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund graphile-worker@0.18.0 pg@8.23.1
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
import { Logger, makeWorkerUtils, run } from "graphile-worker"
import pg from "pg"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const pgPool = new pg.Pool({ host: process.cwd(), user: "postgres", database: "postgres" })
pgPool.on("error", () => {})
pgPool.on("connect", (client) => client.on("error", () => {}))
const logger = new Logger(() => () => {})
const utils = await makeWorkerUtils({ pgPool, logger })
await utils.migrate()
let seen = []
let asked = 0
const until = async (count) => {
  while (seen.length < count) await sleep(50)
  console.log(seen.join(", "))
  seen = []
}
const taskList = {
  synchronize: async ({ state, takes }) => {
    seen.push(`begins with ${state}`)
    await sleep(takes)
    seen.push(`writes ${state}`)
  },
  account: async ({ step }) => {
    if (step === "deposit" && ++asked === 1) {
      seen.push("deposit fails")
      throw new Error("try again")
    }
    seen.push(step)
  }
}
await run({ pgPool, taskList, logger, concurrency: 3, pollInterval: 100, noHandleSignals: true })
const synchronize = async (options) => {
  await utils.addJob("synchronize", { state: "A", takes: 3000 }, { jobKey: "synchronize", ...options })
  while (seen.length === 0) await sleep(50)
  await utils.addJob("synchronize", { state: "B", takes: 100 }, { jobKey: "synchronize", ...options })
  await until(4)
}
await synchronize({})
for (const step of ["deposit", "withdraw", "close"]) await utils.addJob("account", { step }, { queueName: "account 7" })
await until(4)
await synchronize({ queueName: "synchronize" })
process.exit()
JS
expected="begins with A, begins with B, writes B, writes A
deposit fails, withdraw, close, deposit
begins with A, writes A, begins with B, writes B"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
