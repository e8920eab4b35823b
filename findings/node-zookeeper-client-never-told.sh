#!/usr/bin/env bash
# node-zookeeper-client 1.1.3: who is cut off from ZooKeeper is never told, and goes on as the leader beside the next one.
#
# A lock or an election in ZooKeeper rests on both sides counting: the server ends a session of which it hears nothing for its
# timeout, and a client that gets no answer for two thirds of that says that it is disconnected, as ZooKeeper's own do, so that a
# leader stops before the next one starts. This client sends its pings and does not look whether they are answered. While
# packets are lost (a pulled cable, a firewall that forgot, a paused host), its state stays SYNC_CONNECTED and no event
# comes, as long as the system does not give up the connection, which takes a quarter of an hour and more. Calls are
# not answered meanwhile, and have no time limit. Only where the connection is refused or closed is it told.
#
# Seen with ZooKeeper 3.8.0, Node 20 (sessions of 2 s; the way between is silent from the moment at which the first one leads):
#
#     the way is silent: after 4 s another one leads: yes; after 12 s the first is: SYNC_CONNECTED, events: none, its call: not answered
#     the way is closed: after 4 s another one leads: yes; after 12 s the first is: DISCONNECTED, events: disconnected, its call: not answered
#
# Succeeds while this is so. What to do instead: a call every third of the timeout with a limit of one's own, and to stop without an answer.
set -euo pipefail
jar=/usr/share/java/zookeeper.jar
[[ -f $jar ]] && command -v java > /dev/null || { echo "needs zookeeper (Debian's) and java"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node-zookeeper-client@1.1.3
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
printf '%s\n' tickTime=500 "dataDir=$folder/data" "clientPort=$port" clientPortAddress=127.0.0.1 admin.enableServer=false > conf
java -Xmx128m -cp "$jar" org.apache.zookeeper.server.quorum.QuorumPeerMain conf > log 2>&1 &
server=$!
for _ in $(seq 300); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { connect as open, createServer } from "node:net"
import zookeeper from "node-zookeeper-client"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const server = Number(process.argv[2])

// A way to the server that is silent or closed from some moment on.
const makeWay = async () => {
  let now = "open"
  const sockets = new Set()
  const way = createServer((near) => {
    if (now === "closed") return near.destroy()
    const far = open(server, "127.0.0.1")
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from)
      from.on("error", () => {}).on("data", (data) => now === "open" && to.write(data))
      from.on("close", () => now !== "silent" && to.destroy())
    }
  })
  await new Promise((resolve) => way.listen(0, "127.0.0.1", resolve))
  const become = (next) => {
    now = next
    if (now === "closed") { for (const socket of sockets) socket.destroy() }
  }
  return { port: way.address().port, become }
}
const connect = (port) =>
  new Promise((resolve) => {
    const client = zookeeper.createClient(`127.0.0.1:${port}`, { sessionTimeout: 2000 })
    client.once("connected", () => resolve(client))
    client.connect()
  })
const lead = (client, path) =>
  new Promise((resolve) =>
    client.create(path, Buffer.from("me"), zookeeper.CreateMode.EPHEMERAL, (error) => resolve(error ? "no" : "yes"))
  )

const second = await connect(server)
for (const kind of ["silent", "closed"]) {
  const way = await makeWay()
  const first = await connect(way.port)
  const events = new Set()
  for (const event of ["disconnected", "expired"]) first.on(event, () => events.add(event))
  const path = `/${kind}`
  if (await lead(first, path) !== "yes" || await lead(second, path) !== "no") throw new Error("the first does not lead")
  way.become(kind)
  await sleep(4000)
  const other = await lead(second, path)
  let call = "not answered"
  first.exists(path, () => call = "answered")
  await sleep(8000)
  const of = [...events].join(", ") || "none"
  console.log(
    `the way is ${kind}: after 4 s another one leads: ${other}; ` +
      `after 12 s the first is: ${first.getState().name}, events: ${of}, its call: ${call}`
  )
}
process.exit()
JS
expected="the way is silent: after 4 s another one leads: yes; after 12 s the first is: SYNC_CONNECTED, events: none, its call: not answered
the way is closed: after 4 s another one leads: yes; after 12 s the first is: DISCONNECTED, events: disconnected, its call: not answered"
seen=$(timeout 80 node try.mjs "$port") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
