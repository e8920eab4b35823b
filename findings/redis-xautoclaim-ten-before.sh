#!/usr/bin/env bash
# redis-server 7.0.15: a job whose worker has died is not given to `XAUTOCLAIM ... 0 COUNT 1`, as long as ten before it are at work.
#
# `XAUTOCLAIM stream group me 60000 0 COUNT 1` gives one of the jobs that nobody has touched for a minute. One expects a worker that
# calls it from time to time, from the beginning, to find such a job if there is one. But it looks at ten jobs for each that it may
# give, those at work included, and then answers with none and an id at which to go on. A worker that begins at 0 again, as
# nothing has come, looks at the same ten each time. So with few workers all goes well, and with more than ten that take long, or
# prefetch, what a dead one had is done when those before it have ended, and in a busy group perhaps never.
#
# Seen with ioredis 5.11.1 (jobs that their workers renew, and one after them that nobody has touched for 0.5 s; "idle" means 0.4 s):
#
#     9 at work, COUNT 1, from 0: the job
#     10 at work, COUNT 1, from 0: none; once more: none; from the id that it said: the job
#     10 at work, COUNT 2, from 0: the job
#
# Succeeds while this is so. What to do instead: begin with the id that the last call gave, as with `SCAN`, until it is "0-0".
set -euo pipefail
redis-server --version 2> /dev/null | grep -q "v=7\.0\.15" || { echo "needs redis-server 7.0.15 (Debian's)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund ioredis@5.11.1
redis-server --port 0 --unixsocket "$folder/socket" --save "" > log &
server=$!
until [[ -S socket ]]; do sleep 0.05; done
cat > try.cjs << 'JS'
const Redis = require("ioredis")

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const redis = new Redis(`${process.cwd()}/socket`)
const start = async (atWork) => {
  await redis.flushall()
  await redis.xgroup("CREATE", "jobs", "workers", "0", "MKSTREAM")
  for (let n = 1; n <= atWork + 1; n++) await redis.xadd("jobs", `${n}-1`, "n", n)
  await redis.xreadgroup("GROUP", "workers", "alive", "COUNT", atWork, "STREAMS", "jobs", ">")
  await redis.xreadgroup("GROUP", "workers", "dead", "COUNT", 1, "STREAMS", "jobs", ">")
  await sleep(500)
  const ids = Array.from({ length: atWork }, (_, n) => `${n + 1}-1`)
  await redis.xclaim("jobs", "workers", "alive", 0, ...ids, "JUSTID")
}
let next
const claim = async (count, from) => {
  const [id, jobs] = await redis.xautoclaim("jobs", "workers", "me", 400, from, "COUNT", count)
  next = id
  return jobs.length === 0 ? "none" : "the job"
}
const main = async () => {
  await start(9)
  console.log(`9 at work, COUNT 1, from 0: ${await claim(1, 0)}`)
  await start(10)
  const [first, second, third] = [await claim(1, 0), await claim(1, 0), await claim(1, next)]
  console.log(`10 at work, COUNT 1, from 0: ${first}; once more: ${second}; from the id that it said: ${third}`)
  await start(10)
  console.log(`10 at work, COUNT 2, from 0: ${await claim(2, 0)}`)
  redis.disconnect()
}
main()
JS
expected="9 at work, COUNT 1, from 0: the job
10 at work, COUNT 1, from 0: none; once more: none; from the id that it said: the job
10 at work, COUNT 2, from 0: the job"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
