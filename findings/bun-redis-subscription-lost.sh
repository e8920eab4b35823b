#!/usr/bin/env bash
# Bun 1.4.5, `RedisClient`: a subscriber that was disconnected connects again, says so, and is not subscribed any more.
#
# Redis clients that connect again by themselves subscribe again as well (ioredis and node-redis do), so one expects to miss
# what was published while there was no connection, and no more. This client does connect again, at once, `connected` is true
# and `onclose` is not called, but the new connection has no subscriptions, now or later. Nothing tells the subscriber that
# it hears nothing: whoever waits to be told that a lock is free waits for ever after a failover or a restart of the
# server. Subscribing again in `onconnect` brings the old listener back beside the new one, so that both are called.
#
# Seen with redis-server 7.0.15, ioredis 5.11.1 (run by Bun; the server ends the subscriber's connection):
#
#     ioredis: subscribers before: 1, 2 s after: 1; messages: before, after
#     Bun: subscribers before: 1, 2 s after: 0; messages: before; connected: true, told of the end: false
#     Bun, subscribed again: messages: before, again, again (new listener)
#
# Succeeds while this is so. What to do instead: `unsubscribe` and `subscribe` in `onconnect`, or look from time to time.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts bun@1.4.5 ioredis@5.11.1
node node_modules/bun/install.js > /dev/null 2>&1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.ts << 'TS'
import { RedisClient } from "bun"
import { Redis } from "ioredis"

const port = Number(process.argv[2])
const admin = new RedisClient(`redis://127.0.0.1:${port}`)

const disconnected = async (heard: Array<string>) => {
  const before = await admin.publish("free", "before")
  await Bun.sleep(200)
  await admin.send("CLIENT", ["KILL", "TYPE", "pubsub"])
  await Bun.sleep(2000)
  const after = await admin.publish("free", "after")
  await Bun.sleep(200)
  return `subscribers before: ${before}, 2 s after: ${after}; messages: ${heard.join(", ")}`
}

const ofIoredis: Array<string> = []
const ioredis = new Redis(port)
ioredis.on("message", (_, message) => ofIoredis.push(message))
await ioredis.subscribe("free")
console.log(`ioredis: ${await disconnected(ofIoredis)}`)
ioredis.disconnect()
await Bun.sleep(200)

const heard: Array<string> = []
const bun = new RedisClient(`redis://127.0.0.1:${port}`)
let told = false
bun.onclose = () => (told = true)
await bun.subscribe("free", (message) => heard.push(message))
console.log(`Bun: ${await disconnected(heard)}; connected: ${bun.connected}, told of the end: ${told}`)
await bun.subscribe("free", (message) => heard.push(`${message} (new listener)`))
await admin.publish("free", "again")
await Bun.sleep(200)
console.log(`Bun, subscribed again: messages: ${heard.join(", ")}`)
process.exit()
TS
expected="ioredis: subscribers before: 1, 2 s after: 1; messages: before, after
Bun: subscribers before: 1, 2 s after: 0; messages: before; connected: true, told of the end: false
Bun, subscribed again: messages: before, again, again (new listener)"
seen=$(npx bun try.ts "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
