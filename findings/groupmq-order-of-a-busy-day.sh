#!/usr/bin/env bash
# groupmq 1.1.0: on a busy day jobs of a group are done out of order, by as much as there were jobs, and the first of a day before its eve.
#
# It is a queue with "guaranteed job ordering" within a group: by `orderMs`, and first in, first out where that is equal. One
# expects other groups to have no part in it. But what jobs are sorted by is their time in microseconds plus a number that is
# counted up for all jobs of the queue and begins anew each day (UTC). So the thousandth job of the day counts as a millisecond
# later than it is, and the millionth as a second. Of two events that come in the wrong order, which `orderMs` is there to put
# right, the earlier one is done second when there were some thousand jobs of others in between. And whoever is the last of a
# day is overtaken by the first of the next day, which has lost the number, though neither was out of order.
#
# Seen with redis-server 7.0.15, Node 20 (two jobs of one group; two milliseconds apart at noon, one at midnight):
#
#     noon, the later one comes first, 10 jobs of others between them: earlier, later
#     noon, the later one comes first, 5000 jobs of others between them: later, earlier
#     midnight, in order, after 10 jobs of others: earlier, later
#     midnight, in order, after 5000 jobs of others: later, earlier
#
# Succeeds while this is so.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund groupmq@1.1.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Queue, Worker } from "groupmq"
import { Redis } from "ioredis"

const redis = new Redis({ port: Number(process.argv[2]), maxRetriesPerRequest: null })
let queues = 0
const look = async (words, count, events) => {
  const queue = new Queue({ redis, namespace: `queue-${queues++}` })
  for (const [data, orderMs] of events) {
    if (data !== "others") await queue.add({ groupId: "group", data, orderMs })
    else await Promise.all(Array.from({ length: count }, (_, i) => queue.add({ groupId: `other-${i % 50}`, data, orderMs })))
  }
  const done = []
  let both
  const end = new Promise((resolve) => both = resolve)
  const handler = async (job) => {
    if (job.groupId === "group" && done.push(job.data) === 2) both()
  }
  const worker = new Worker({ queue, concurrency: 8, handler })
  worker.run()
  await end
  console.log(`${words.replace("#", count)}: ${done.join(", ")}`)
  await worker.close()
}
const noon = Date.parse("2026-11-20T12:00:00Z")
const midnight = Date.parse("2026-11-21T00:00:00Z")
for (const count of [10, 5000]) {
  await look("noon, the later one comes first, # jobs of others between them", count,
    [["later", noon + 2], ["others", noon], ["earlier", noon]])
}
for (const count of [10, 5000]) {
  await look("midnight, in order, after # jobs of others", count,
    [["others", midnight - 1], ["earlier", midnight - 1], ["later", midnight]])
}
process.exit()
JS
expected="noon, the later one comes first, 10 jobs of others between them: earlier, later
noon, the later one comes first, 5000 jobs of others between them: later, earlier
midnight, in order, after 10 jobs of others: earlier, later
midnight, in order, after 5000 jobs of others: later, earlier"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
