#!/usr/bin/env bash
# @platformatic/job-queue 0.5.0 with Redis: a job whose result is kept for a short time takes the results of all others with it.
#
# `resultTTL` is how long a result is kept, for a queue or for one job. One expects each result to have its own. But all of
# them are in one hash, and the time of each that is written is set for the whole hash: the last one decides for all. If that
# is short, all go. The jobs themselves are remembered as completed for their own time, so that one of these can neither be
# had nor be done: who enqueues it and waits is told of a duplicate, waits for its result, and times out. (If it is long,
# results stay for longer than they were to.) In memory each result has its own time.
#
# Seen with redis-server 7.0.15, Node 24 (a result to be kept for an hour; another job, for 300 ms; a second later):
#
#     RedisStorage: the first result is gone, the job is completed; asked for again: Job 'a' timed out after 1000ms
#     MemoryStorage: the first result is "done", the job is completed; asked for again: "done"
#
# Succeeds while this is so.
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
import { MemoryStorage, Queue, RedisStorage } from "@platformatic/job-queue"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const quoted = (result) => result === null ? "gone" : `"${result}"`
const look = async (name, storage) => {
  const queue = new Queue({ storage, resultTTL: 3_600_000 })
  queue.execute(async () => "done")
  await queue.start()
  await queue.enqueueAndWait("a", {}, { timeout: 5000 })
  await queue.enqueueAndWait("b", {}, { timeout: 5000, resultTTL: 300 })
  await sleep(1000)
  const result = quoted(await queue.getResult("a"))
  const { state } = await queue.getStatus("a")
  const again = await queue.enqueueAndWait("a", {}, { timeout: 1000 }).then(quoted, (error) => error.message)
  console.log(`${name}: the first result is ${result}, the job is ${state}; asked for again: ${again}`)
}
await look("RedisStorage", new RedisStorage({ url: `redis://127.0.0.1:${process.argv[2]}` }))
await look("MemoryStorage", new MemoryStorage())
process.exit()
JS
expected="RedisStorage: the first result is gone, the job is completed; asked for again: Job 'a' timed out after 1000ms
MemoryStorage: the first result is \"done\", the job is completed; asked for again: \"done\""
seen=$(node_modules/.bin/node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
