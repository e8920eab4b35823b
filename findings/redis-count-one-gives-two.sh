#!/usr/bin/env bash
# redis-server 7.0.15: a worker that asks two streams for one job (`XREADGROUP ... COUNT 1`) is given two.
#
# `XREADGROUP GROUP g me COUNT 1 BLOCK 0 STREAMS urgent normal > >` reads like `BLPOP urgent normal 0`: one job, an urgent one if there is
# one. One expects `COUNT 1` to be the most that one gets, "the maximum number of entries". It is the most of each stream: with
# jobs in both one gets both, and both are this worker's from now on. A client that looks at the first one only has lost the other, which
# stays pending with it, and a normal job waits with this worker for the urgent one, while another worker is idle.
#
# Seen with ioredis 5.11.1 (two jobs in each stream):
#
#     XREADGROUP COUNT 1: urgent 1, normal 1
#     XREAD COUNT 1: urgent 1, normal 1
#     BLPOP: urgent 1
#     BLMPOP ... COUNT 1: urgent 1
#
# Succeeds while this is so. What to do instead: ask one stream after the other, and only then wait for all, for as many as one can do.
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

const redis = new Redis(`${process.cwd()}/socket`)
const main = async () => {
  for (const stream of ["urgent", "normal"]) {
    await redis.xgroup("CREATE", stream, "workers", "0", "MKSTREAM")
    for (const n of [1, 2]) {
      await redis.xadd(stream, "*", "job", `${stream} ${n}`)
      await redis.rpush(`${stream} list`, `${stream} ${n}`)
    }
  }
  const jobs = (streams) => streams.flatMap(([, entries]) => entries.map(([, fields]) => fields[1])).join(", ")
  const both = ["STREAMS", "urgent", "normal"]
  console.log(`XREADGROUP COUNT 1: ${jobs(await redis.xreadgroup("GROUP", "workers", "me", "COUNT", 1, ...both, ">", ">"))}`)
  console.log(`XREAD COUNT 1: ${jobs(await redis.xread("COUNT", 1, ...both, "0", "0"))}`)
  console.log(`BLPOP: ${(await redis.blpop("urgent list", "normal list", 1))[1]}`)
  await redis.lpush("urgent list", "urgent 1")
  const [, popped] = await redis.call("BLMPOP", 1, 2, "urgent list", "normal list", "LEFT", "COUNT", 1)
  console.log(`BLMPOP ... COUNT 1: ${popped}`)
  redis.disconnect()
}
main()
JS
expected="XREADGROUP COUNT 1: urgent 1, normal 1
XREAD COUNT 1: urgent 1, normal 1
BLPOP: urgent 1
BLMPOP ... COUNT 1: urgent 1"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
