#!/usr/bin/env bash
# Node 20.20.2, 22.19.0, 24.21.0 and 26.10.0: a request that waits for a free socket of its agent hears of no limit: no timeout, no signal, no destroy.
#
# An `http.Agent` with `maxSockets` is a queue: who comes while all sockets are in use waits. A request has `timeout: 300`, or
# `signal: AbortSignal.timeout(300)`, or is destroyed by whoever gives up, and one expects to be told after 300 ms. But a request
# that waits has no socket, and `timeout` counts the idle time of a socket: it is never over, and the request is made as if there
# were no limit, when its turn comes. The signal and `destroy(error)` do keep it from being made; but the error is told when a
# socket is free, not before. So behind a response that does not end, each caller waits for ever, whatever its limit;
# and whoever answers "too slow" to its own callers in the error handler answers when the slow one is done.
#
# Seen (one socket; a slow request of 1.5 s, and those behind it with a limit of 0.3 s):
#
#     v20.20.2: timeout: answered, late; signal: The operation was aborted, late; destroy: given up, late; fetch with signal: TimeoutError, in time
#     v22.19.0: timeout: answered, late; signal: The operation was aborted, late; destroy: given up, late; fetch with signal: TimeoutError, in time
#     v24.21.0: timeout: answered, late; signal: The operation was aborted, late; destroy: given up, late; fetch with signal: TimeoutError, in time
#     v26.10.0: timeout: answered, late; signal: The operation was aborted, late; destroy: given up, late; fetch with signal: TimeoutError, in time
#
# Succeeds while this is so. What to do instead: race the request with a timer of one's own, and destroy it then.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > try.mjs << 'JS'
import { once } from "node:events"
import { Agent, createServer, get } from "node:http"

const server = createServer((request, response) => {
  if (request.url !== "/slow") return response.end("x")
  setTimeout(() => response.end("x"), 1500)
}).listen(0, "127.0.0.1")
await once(server, "listening")
const { port } = server.address()
const agent = new Agent({ maxSockets: 1 })
let slowIsDone = false
const told = (what) => `${what}, ${slowIsDone ? "late" : "in time"}`

const ask = (path, options, then = () => {}) =>
  new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path, agent, ...options }, (response) => {
      if (path === "/slow") slowIsDone = true
      response.resume()
      response.on("end", () => resolve(told("answered")))
    })
    request.on("timeout", () => request.destroy(new Error("timed out")))
    request.on("error", (error) => resolve(told(error.message)))
    then(request)
  })
const [, timeout, signal, destroy, fetched] = await Promise.all([
  ask("/slow"),
  ask("/", { timeout: 300 }),
  ask("/", { signal: AbortSignal.timeout(300) }),
  ask("/", {}, (request) => setTimeout(() => request.destroy(new Error("given up")), 300)),
  fetch(`http://127.0.0.1:${port}/slow`, { signal: AbortSignal.timeout(300) }).catch((error) => told(error.name))
])
console.log(`${process.version}: timeout: ${timeout}; signal: ${signal}; destroy: ${destroy}; fetch with signal: ${fetched}`)
server.close()
server.closeAllConnections()
JS
expected=$(for version in v20.20.2 v22.19.0 v24.21.0 v26.10.0; do
  echo "$version: timeout: answered, late; signal: The operation was aborted, late; destroy: given up, late; fetch with signal: TimeoutError, in time"
done)
seen=$(for name in node20 node22 node24 node26; do "node_modules/$name/bin/node" try.mjs; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
