#!/usr/bin/env bash
# bullmq 6.7.0: a parent whose child has the `jobId` of another parent's child is never done, and nobody is told.
#
# "If you attempt to add a job with an id that already exists, the new job is ignored": that is how one sees to it that a file which
# two reports need is fetched once. In a flow, one expects the second parent to wait for the same child, or to go on at once if that
# is done already, or `add` to refuse it. It is added, counts the child among those that it waits for, and waits for ever:
# the child tells one parent, the first, when it is done. That is so whether it was waiting or done when the second one came.
#
# Seen with redis-server 7.0.15, Node 20 (two reports with the child `fetch`, jobId "file"):
#
#     the child is waiting: the first is completed, the second waiting-children; fetched 1 time
#     the child is done: the second is waiting-children; fetched 1 time
#
# Succeeds while this is so. What to do instead: the parent's id in the child's, and the fetching itself done once by other means.
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
import { FlowProducer, Worker } from "bullmq"

const connection = { port: Number(process.argv[2]), maxRetriesPerRequest: null }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const flow = new FlowProducer({ connection })
const add = async (jobId) => {
  const child = { name: "fetch", queueName: "files", opts: { jobId } }
  return (await flow.add({ name: "report", queueName: "reports", children: [child] })).job
}
let fetched = 0
const first = await add("file")
const second = await add("file")
new Worker("files", async () => void fetched++, { connection })
new Worker("reports", async () => {}, { connection })
while (await first.getState() !== "completed") await sleep(20)
await sleep(3000)
const times = () => `fetched ${fetched} time`
console.log(
  `the child is waiting: the first is ${await first.getState()}, the second ${await second.getState()}; ${times()}`
)
const third = await add("file")
await sleep(3000)
console.log(`the child is done: the second is ${await third.getState()}; ${times()}`)
process.exit()
JS
expected="the child is waiting: the first is completed, the second waiting-children; fetched 1 time
the child is done: the second is waiting-children; fetched 1 time"
seen=$(timeout 100 node try.mjs "$port") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
