#!/usr/bin/env bash
# ioredis 6.0.0 and iovalkey 0.4.0: a command whose answer was lost is sent again, so a lock is refused to the one who got it.
#
# When a connection ends between a command and its answer, nobody knows whether it was done, and one expects to be told: an error, as from
# node-redis and GLIDE, and then to look, or to ask again if that does no harm. These two ask again by themselves
# (`autoResendUnfulfilledCommands`, which is on, and which the manual explains by blocking commands). Done twice is an `INCR` that counts two, a
# second job in the list; and a `SET ... NX`, by which one takes a lock, is answered with `null`: somebody else has it. That
# somebody is the asker, so everybody waits for a lock that nobody knows to have, until its time is over. `maxRetriesPerRequest`
# and a reconnect look like the settings for this, and change nothing.
#
# Seen with redis-server 7.0.15, Node 24 (each time the answer is lost on its way, and the connection with it):
#
#     ioredis: INCR is told 2, the counter is 2; SET NX is told null, the lock is the asker's
#     iovalkey: INCR is told 2, the counter is 2; SET NX is told null, the lock is the asker's
#     node-redis: INCR is told of an error, the counter is 1; SET NX is told of an error, the lock is the asker's
#     valkey-glide: INCR is told of an error, the counter is 1; SET NX is told of an error, the lock is the asker's
#
# Succeeds while this is so. What to do instead: scripts that may be run twice, which look whether the lock is their own already.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund ioredis@6.0.0 iovalkey@0.4.0 redis@6.3.1 @valkey/valkey-glide@2.5.2
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { GlideClient, Logger } from "@valkey/valkey-glide"
import Ioredis from "ioredis"
import Iovalkey from "iovalkey"
import { connect, createServer } from "node:net"
import { createClient } from "redis"

const host = "127.0.0.1"
const server = Number(process.argv[2])
Logger.init("off")
// Hands on what is said, but for the answer to the next command that has one of these keys: that is lost.
let losesNext = false
const proxy = createServer((client) => {
  const redis = connect(server, host)
  let loses = false
  client.on("data", (data) => {
    if (losesNext && /mutex|counter/.test(data.toString())) {
      loses = true
      losesNext = false
    }
    redis.write(data)
  })
  redis.on("data", (data) => loses ? client.resetAndDestroy() : client.write(data))
  for (const [one, other] of [[client, redis], [redis, client]]) one.on("error", () => {}).on("close", () => other.destroy())
}).listen(0, host)
await new Promise((resolve) => proxy.once("listening", resolve))
const { port } = proxy.address()
const quiet = () => {}
const clients = {
  ioredis: async () => {
    const client = new Ioredis({ host, port }).on("error", quiet)
    await client.ping()
    return (...words) => client.call(...words)
  },
  iovalkey: async () => {
    const client = new Iovalkey({ host, port }).on("error", quiet)
    await client.ping()
    return (...words) => client.call(...words)
  },
  "node-redis": async () => {
    const client = await createClient({ socket: { host, port } }).on("error", quiet).connect()
    return (...words) => client.sendCommand(words)
  },
  "valkey-glide": async () => {
    const client = await GlideClient.createClient({ addresses: [{ host, port }] })
    return (...words) => client.customCommand(words)
  }
}
const direct = await createClient({ socket: { host, port: server } }).connect()
for (const [name, make] of Object.entries(clients)) {
  await direct.flushAll()
  const ask = await make()
  const told = async (...words) => {
    losesNext = true
    return ask(...words).then((answer) => `told ${answer}`, () => "told of an error")
  }
  const counted = `INCR is ${await told("INCR", "counter")}, the counter is ${await direct.get("counter")}`
  const locked = `SET NX is ${await told("SET", "mutex", "asker", "NX")}, the lock is the ${await direct.get("mutex")}'s`
  console.log(`${name}: ${counted}; ${locked}`)
}
process.exit()
JS
expected="ioredis: INCR is told 2, the counter is 2; SET NX is told null, the lock is the asker's
iovalkey: INCR is told 2, the counter is 2; SET NX is told null, the lock is the asker's
node-redis: INCR is told of an error, the counter is 1; SET NX is told of an error, the lock is the asker's
valkey-glide: INCR is told of an error, the counter is 1; SET NX is told of an error, the lock is the asker's"
seen=$(node try.mjs "$port" 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
