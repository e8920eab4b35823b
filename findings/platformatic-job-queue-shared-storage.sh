#!/usr/bin/env bash
# @platformatic/job-queue 0.5.0 with Redis: queues with one storage wait for each other while they have nothing to do.
#
# A storage is made once, with its connections, and each queue of it has a `name`. One expects an idle queue to begin a job at
# once, as it does alone. But all of them wait for jobs with a blocking command on the same connection, one after the other, each
# for `blockTimeout` (5 s). A job can begin only when those before it have waited in vain: with four queues, 15 seconds
# after it was enqueued. More load on the others makes it better, and more queues make it worse.
#
# Seen with redis-server 7.0.15, Node 24 (a job for a queue of which there are so many; `blockTimeout` is 2 s):
#
#     1 queue: at once
#     4 queues with one storage: after more than two seconds
#     4 queues with a storage each: at once
#
# Succeeds while this is so. What to do instead: a storage for each queue.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @platformatic/job-queue@0.5.0 iovalkey@0.2.2 node@24.10.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Queue, RedisStorage } from "@platformatic/job-queue"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const makeStorage = () => new RedisStorage({ url: `redis://127.0.0.1:${process.argv[2]}` })
const look = async (words, count, storage) => {
  const queues = []
  for (let i = 0; i < count; i++) {
    const queue = new Queue({ storage: storage(), name: `${words} ${i}`, blockTimeout: 2 })
    queue.execute(async () => Date.now())
    await queue.start()
    queues.push(queue)
  }
  await sleep(300)
  const asked = Date.now()
  const begun = await queues[count - 1].enqueueAndWait("job", {}, { timeout: 30_000 })
  const after = begun - asked
  console.log(`${words}: ${after < 500 ? "at once" : after > 2000 ? "after more than two seconds" : `after ${after} ms`}`)
}
await look("1 queue", 1, makeStorage)
const one = makeStorage()
await look("4 queues with one storage", 4, () => one)
await look("4 queues with a storage each", 4, makeStorage)
process.exit()
JS
expected="1 queue: at once
4 queues with one storage: after more than two seconds
4 queues with a storage each: at once"
seen=$(node_modules/.bin/node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
