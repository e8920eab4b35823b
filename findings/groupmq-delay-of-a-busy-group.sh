#!/usr/bin/env bash
# groupmq 1.1.0: a job with a `delay` runs at once if its group is at work, and if not, all later jobs of the group wait for it.
#
# `delay` is the "delay in ms before job becomes available"; the README's example is a reminder for "user:123" in an hour. As in
# other queues one expects such a job to take its place when it is due, and what is added for that user meanwhile to be done at
# once. But it takes its place in the group when it is added. Where nothing of the group is to be done before, it stands at
# the head and nobody passes it: a reminder in an hour stops the work for that user for an hour. Where it stands behind another
# job, whoever completes that one goes on with the next of the group without a look at when it is due, and the reminder of
# the next hour (or of the end of the year, by `runAt`) is sent now.
#
# Seen with redis-server 7.0.15, Node 20 (one worker; each group is named by its jobs in the order in which they are added):
#
#     reminder in 8 s, job: reminder when it is due, job when the reminder is due
#     job, reminder in 8 s: job at once, reminder at once
#     job: job at once
#
# Succeeds while this is so. What to do instead: another group for what is to be done later.
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
const queue = new Queue({ redis, namespace: "queue" })
const groups = [["reminder in 8 s", "job"], ["job", "reminder in 8 s"], ["job"]]
for (const names of groups) {
  const groupId = names.join(", ")
  for (const name of names) await queue.add({ groupId, data: name.split(" ")[0], delay: name === "job" ? undefined : 8000 })
}
const due = Date.now() + 7000
const done = new Map(groups.map((names) => [names.join(", "), []]))
let left = groups.flat().length
let all
const end = new Promise((resolve) => all = resolve)
const handler = async (job) => {
  const late = job.data === "job" ? "when the reminder is due" : "when it is due"
  done.get(job.groupId).push(`${job.data} ${Date.now() < due ? "at once" : late}`)
  if (--left === 0) all()
}
new Worker({ queue, handler }).run()
await end
for (const [names, seen] of done) console.log(`${names}: ${seen.join(", ")}`)
process.exit()
JS
expected="reminder in 8 s, job: reminder when it is due, job when the reminder is due
job, reminder in 8 s: job at once, reminder at once
job: job at once"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
