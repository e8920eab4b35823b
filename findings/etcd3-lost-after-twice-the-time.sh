#!/usr/bin/env bash
# etcd3 1.1.2: a leader that cannot reach etcd is told after twice its time to live, when another has led for as long as that.
#
# A lease of four seconds is over four seconds after it was last renewed; the client knows when that was and needs no server to
# count to four. So one expects `lost` (of a lease) or `error` (of a campaign) about then, as the official client in Go ends a
# session when its time is over. But the client waits for twice the time before it gives up renewing. From the time to live to
# twice of it the old leader goes on, and has been told of nothing, while etcd has elected the next one. Locks (`client.lock`) have
# the same leases, and say nothing at any time.
#
# Seen with etcd 3.4.23, Node 20 (leases of 4 s; the connection of the first is cut, everybody else's is not):
#
#     first: elected
#     first is cut off
#     second: elected
#     first: error, EtcdLeaseInvalidError
#     the first led on for 6 s or more: true
#
# Succeeds while this is so. What to do instead: a watch of one's own, set anew by each `keepaliveSucceeded` of the lease.
set -euo pipefail
command -v etcd > /dev/null || { echo "needs etcd (Debian's etcd-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund etcd3@1.1.2
free() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }
client=http://127.0.0.1:$(free)
peer=http://127.0.0.1:$(free)
etcd --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
  --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" > etcd.log 2>&1 &
server=$!
cat > try.mjs << 'JS'
import { connect, createServer } from "node:net"
import { Etcd3 } from "etcd3"

const hosts = process.argv[2]
// What the first one goes through.
const sockets = new Set()
const relay = createServer((inside) => {
  const outside = connect(new URL(hosts).port, "127.0.0.1")
  inside.pipe(outside).pipe(inside)
  for (const socket of [inside, outside]) sockets.add(socket.on("error", () => {}))
})
await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve))

const first = new Etcd3({ hosts: `http://127.0.0.1:${relay.address().port}` }).election("work", 4).campaign("first")
await first.wait()
console.log("first: elected")
const told = new Promise((resolve) =>
  first.on("error", (error) => {
    console.log(`first: error, ${error.constructor.name}`)
    resolve()
  })
)
const second = new Etcd3({ hosts }).election("work", 4).campaign("second")
second.on("elected", () => console.log("second: elected"))
await new Promise((resolve) => setTimeout(resolve, 1000))
console.log("first is cut off")
const since = performance.now()
relay.close()
for (const socket of sockets) socket.destroy()
await told
console.log(`the first led on for 6 s or more: ${performance.now() - since >= 6000}`)
process.exit()
JS
expected="first: elected
first is cut off
second: elected
first: error, EtcdLeaseInvalidError
the first led on for 6 s or more: true"
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/${client##*:}") 2> /dev/null && break || sleep 0.1; done
seen=$(timeout 60 node try.mjs "$client") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
