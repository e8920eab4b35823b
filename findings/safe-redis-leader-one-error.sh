#!/usr/bin/env bash
# safe-redis-leader 0.0.6 with ioredis 5.11.1: after one error while it renews, a process believes to lead for ever, beside the next.
#
# The package promises "that there is only a single leader elected from a group of clients at one time", and tells a leader by
# `demoted` when it is one no more. A renewal may fail: a server that is loading, that is a replica for a moment, that has too
# few replicas. One expects it to be tried again, and `demoted` when it was too late. But the next renewal is planned only after
# one that was answered. The error is emitted as `error`, and that is the end: the key runs out, another process is elected, and
# the first is not told, now or later. An error at the election itself is the end of standing for election, in the same way.
#
# Seen with redis-server 7.0.15, Node 20 (the lease is 6 s; for a moment the server takes no writes; 12 s later):
#
#     first: elected, error; leads by what it was told: true, by the server: false
#     second: elected; leads by what it was told: true, by the server: true
#     third, which stood for election in that moment: error; leads, when both others have gone: false
#
# Succeeds while this is so. What to do instead: after an `error`, take it for `demoted`, `stop()`, and stand for election
# again.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund safe-redis-leader@0.0.6 ioredis@5.11.1
redis-server --port 0 --unixsocket "$folder/socket" --save "" > /dev/null &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { Redis } from "ioredis"
import leaders from "safe-redis-leader"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const client = () => new Redis({ path: "./socket" })
const stand = async () => {
  const leader = await leaders.createSafeRedisLeader({ asyncRedis: client(), ttl: 6000, wait: 100, key: "job" })
  const told = []
  for (const event of ["elected", "demoted", "error"]) leader.on(event, () => told.push(event))
  const leads = () => told.includes("elected") && !told.includes("demoted")
  return { ...leader, told, leads }
}
const says = async (name, it) =>
  console.log(`${name}: ${it.told.join(", ")}; leads by what it was told: ${it.leads()}, by the server: ${await it.isLeader()}`)

const [first, second, third] = [await stand(), await stand(), await stand()]
const admin = client()
await first.elect()
await admin.config("SET", "min-replicas-to-write", "1")
await third.elect()
while (!first.told.includes("error")) await sleep(20)
await admin.config("SET", "min-replicas-to-write", "0")
await second.elect()
await sleep(12_000)
await says("first", first)
await says("second", second)
await second.shutdown()
await sleep(8000)
console.log(
  `third, which stood for election in that moment: ${third.told.join(", ")}; ` +
    `leads, when both others have gone: ${await third.isLeader()}`
)
process.exit()
JS
expected="first: elected, error; leads by what it was told: true, by the server: false
second: elected; leads by what it was told: true, by the server: true
third, which stood for election in that moment: error; leads, when both others have gone: false"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
