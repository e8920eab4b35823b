#!/usr/bin/env bash
# bullmq 6.7.0: a job scheduler with `every` runs once more after its `endDate`, by up to a whole interval.
#
# `endDate` is when the repetition is to stop, so no run is expected after it; with a cron `pattern` that is so. With `every`
# the next run is planned whenever one begins before the end, without a look at when that next one is due. So a weekly job may
# run six days after the campaign, the trial or the tenant has ended. The scheduler itself stays in the list in both cases,
# though nothing will ever come of it.
#
# Seen with redis-server 7.0.15, Node 20 (all relative to the beginning):
#
#     every 2000 ms, until 3000 ms: due at 0 s, 2 s, 4 s; 1 scheduler left
#     at */2 * * * * *, until 3000 ms: due at 0 s, 2 s; 1 scheduler left
#
# Succeeds while this is so.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bullmq@6.7.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Queue, Worker } from "bullmq"

const connection = { port: Number(process.argv[2]), maxRetriesPerRequest: null }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const look = async (words, name, repeat) => {
  const queue = new Queue(name, { connection })
  await queue.waitUntilReady()
  // Begin shortly before an even second, which is when the pattern is due.
  await sleep(2000 - Date.now() % 2000 + 1800)
  const begin = Date.now()
  const due = []
  // The id of a job of a scheduler ends with the time at which it is due.
  const worker = new Worker(name, async (job) => {
    due.push(`${Math.round((Number(job.id.split(":").at(-1)) - begin) / 1000)} s`)
  }, { connection })
  await worker.waitUntilReady()
  await queue.upsertJobScheduler("scheduler", { ...repeat, endDate: begin + 3000 })
  await sleep(8000)
  const left = await queue.getJobSchedulers()
  console.log(`${words}, until 3000 ms: due at ${due.join(", ")}; ${left.length} scheduler left`)
  await worker.close()
  await queue.close()
}
await look("every 2000 ms", "every", { every: 2000 })
await look("at */2 * * * * *", "pattern", { pattern: "*/2 * * * * *" })
process.exit()
JS
expected="every 2000 ms, until 3000 ms: due at 0 s, 2 s, 4 s; 1 scheduler left
at */2 * * * * *, until 3000 ms: due at 0 s, 2 s; 1 scheduler left"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
