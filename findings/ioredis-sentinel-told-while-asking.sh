#!/usr/bin/env bash
# ioredis 6.0.0 with `failoverDetector`: a failover that is told of while the client asks a Sentinel for the
# primary ends the client for good, whatever its `retryStrategy` says.
#
# A knowing guess is that the news of a failover makes a client that is looking for the primary look again. Instead the
# detector disconnects the connector, the answer of the Sentinel that comes after it is taken for the end, the client
# goes to "end", and neither `retryStrategy` nor `sentinelRetryStrategy` is asked. That is likely just when a primary
# dies: the client has lost it, asks, and the Sentinels tell of the new one.
#
# Seen with redis-server 7.0.15, Node 20; the Sentinel is slow to answer, by a relay before it:
#   6.0.0: end, after Connection is closed.; retries asked for since: 0
#
# What to do instead: on "end" of a client that was not ended on purpose, call connect() again.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund ioredis@6.0.0
read -r primary replica sentinel < <(node -e '
const net = require("net")
const servers = [0, 0, 0].map(() => net.createServer().listen(0, "127.0.0.1"))
setTimeout(() => { console.log(servers.map((s) => s.address().port).join(" ")); for (const s of servers) s.close() }, 100)')
redis-server --port "$primary" --bind 127.0.0.1 --save "" --repl-diskless-sync-delay 0 > /dev/null &
redis-server --port "$replica" --bind 127.0.0.1 --save "" --replicaof 127.0.0.1 "$primary" > /dev/null &
cat > sentinel.conf << CONF
port $sentinel
bind 127.0.0.1
sentinel monitor main 127.0.0.1 $primary 1
sentinel failover-timeout main 5000
CONF
redis-server sentinel.conf --sentinel > /dev/null &
cat > run.mjs << 'JS'
import { createRequire } from "node:module"
import { connect, createServer } from "node:net"
const require = createRequire(import.meta.url)
const port = Number(process.argv[2])
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

// Passes everything on; while it holds, what new connections are answered waits until it lets go.
let held
const relay = createServer((socket) => {
  const release = held
  const server = connect(port, "127.0.0.1")
  socket.pipe(server)
  server.on("data", async (bytes) => { await release?.promise; if (!socket.destroyed) socket.write(bytes) })
  for (const [one, other] of [[socket, server], [server, socket]]) {
    one.on("error", () => {})
    one.on("close", () => other.destroy())
  }
}).listen(0, "127.0.0.1")
await sleep(100)

const { Redis } = require("ioredis")
const look = new Redis(port, "127.0.0.1")
const named = async () => Number((await look.call("sentinel", "get-master-addr-by-name", "main"))[1])
let retries = 0
const errors = []
const client = new Redis({
  sentinels: [{ host: "127.0.0.1", port: relay.address().port }],
  name: "main",
  updateSentinels: false,
  failoverDetector: true,
  retryStrategy: () => (retries++, 50),
  sentinelRetryStrategy: () => (retries++, 50)
})
client.on("error", (error) => errors.push(error.message))
await client.ping()
while (!/cmd=subscribe/.test(await look.call("client", "list"))) await sleep(20)

// The connection is lost, the client asks for the primary, and is told of a failover before it has the answer.
let letGo
held = { promise: new Promise((resolve) => letGo = resolve) }
client.stream.destroy()
while (client.status !== "connecting") await sleep(20)
held = undefined
const before = await named()
while (!await look.call("sentinel", "failover", "main").then(() => true, () => false)) await sleep(200)
while (await named() === before) await sleep(20)
await sleep(500)
retries = 0
letGo()
await sleep(3000)
console.log(`${require("ioredis/package.json").version}: ${client.status}, after ${errors.at(-1)}; retries asked for since: ${retries}`)
let expected = client.status === "end" && retries === 0
// And it could have gone on.
await client.connect()
expected &&= await client.ping() === "PONG"
client.disconnect()
look.disconnect()
relay.close()
if (!expected) console.log("not as described: the client went on")
process.exit(expected ? 0 : 1)
JS
for port in "$primary" "$replica" "$sentinel"; do
  for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
done
node run.mjs "$sentinel"
