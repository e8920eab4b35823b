#!/usr/bin/env bash
# Node 20.20.2, 22.19.0, 24.21.0 and 26.10.0: an HTTP server that is closed goes on serving whoever was connected, and is never closed.
#
# `server.close()` takes no new connections and, since Node 19, closes those that are idle; for those with a request one expects that this
# one is answered, with `connection: close`, and that the close is done then. But whether a connection is idle is looked at only
# in the moment of the call. One that was at work is told `keep-alive` afterwards, as if nothing had happened, and its later requests are
# served. So the callback comes five seconds (`keepAliveTimeout`) after the last of them, and never, with a proxy or another service that
# asks more often than that: it is the busy server that does not end. The cleanup that comes after the close, giving up a lease or
# the leadership, is not reached before the process is killed; and requests are served while others take over.
#
# Seen on each of them (one request is at work when the server is closed; then ten on the same connection, 200 ms apart):
#
#     the one at work: keep-alive
#     served after close(): 10, closed: false
#     a new connection: ECONNREFUSED
#
# Succeeds while this is so. What to do instead: `connection: close` on each answer once one closes, or `closeIdleConnections()` again.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > try.mjs << 'JS'
import { once } from "node:events"
import { Agent, createServer, get } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"

let begun
const atWork = new Promise((resolve) => (begun = resolve))
const server = createServer(async (request, response) => {
  if (request.url === "/slow") {
    begun()
    await sleep(300)
  }
  response.end("served")
}).listen(0, "127.0.0.1")
await once(server, "listening")
const { port } = server.address()
const ask = (path, agent) =>
  new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path, agent }, (response) => {
      response.resume()
      response.on("end", () => resolve(response.headers.connection))
    }).on("error", (error) => resolve(error.code))
  })
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let closed = false
const slow = ask("/slow", agent)
await atWork
server.close(() => (closed = true))
console.log(`the one at work: ${await slow}`)
let served = 0
for (let i = 0; i < 10; i++) {
  await sleep(200)
  if (await ask("/", agent) === "keep-alive") served++
}
console.log(`served after close(): ${served}, closed: ${closed}`)
console.log(`a new connection: ${await ask("/", false)}`)
process.exit()
JS
expected="the one at work: keep-alive
served after close(): 10, closed: false
a new connection: ECONNREFUSED"
for node in node20 node22 node24 node26; do
  seen=$("node_modules/$node/bin/node" try.mjs)
  echo "$node"
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
