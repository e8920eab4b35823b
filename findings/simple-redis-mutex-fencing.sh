#!/usr/bin/env bash
# simple-redis-mutex 3.0.0 with redis 5.8.0: the fencing token of a lock that was lost can be greater than the new holder's.
#
# A fencing token is there for the holder that was slow: storage refuses whoever comes with a smaller token than it has
# seen. One expects the token to be numbered by the order in which the lock was taken. But it is a second command (INCR,
# after the SET that takes the lock), so a holder that stalls between the two numbers itself when it wakes, after its
# successor. Storage that fences then lets the late one in, and refuses the one that holds the lock.
#
# The stall is made here by a client whose INCR leaves 300 ms late; the lock is good for 100 ms.
#
# Seen with redis-server 7.0.15, Node 20:
#
#     taken by: first, second
#     the second, which holds the lock now: 1
#     the first, which lost it: 2
#
# Succeeds while this is so. What to do instead: number in the script that takes the lock.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund simple-redis-mutex@3.0.0 redis@5.8.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
cat > try.mjs << 'JS'
import { createClient } from "redis"
import { tryLock } from "simple-redis-mutex"

const connect = () => createClient({ url: `redis://127.0.0.1:${process.argv[2]}` }).connect()
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
const [slow, quick] = [await connect(), await connect()]
const incr = slow.incr.bind(slow)
slow.incr = async (key) => {
  await sleep(300)
  return incr(key)
}

const first = tryLock(slow, "key", { timeout: 100 })
await sleep(150)
const [taken, second] = await tryLock(quick, "key", { timeout: 10_000 })
const [takenFirst, late] = await first
console.log("taken by:", [takenFirst && "first", taken && "second"].join(", "))
console.log("the second, which holds the lock now:", second.fencingToken)
console.log("the first, which lost it:", late.fencingToken)
process.exit()
JS
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done
expected="taken by: first, second
the second, which holds the lock now: 1
the first, which lost it: 2"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
