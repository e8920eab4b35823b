#!/usr/bin/env bash
# Bun 1.4.5: `Bun.serve` ends a request that takes ten seconds with no answer, and goes on with it, so a client that tries again has it done twice.
#
# A handler that works for eleven seconds, or waits that long for a lock, is slow; one expects its answer after eleven seconds, as from a
# server of Node (which has no limit for that) or of Deno. But `idleTimeout` is ten seconds by default, and counts the time in which the
# *server* has not answered, too: the connection is closed without a status. The client is told of a broken connection,
# which stands for a server that died, and tries again; but the handler is not ended and works to its end, beside
# the second one. There is a line on the server's standard error, once, and `request.signal` is aborted.
#
# Seen with Node 20 as the client (the work takes 13 s; it tries once more when the connection is broken):
#
#     Bun: the client was answered: no; the work was begun 2 times and done 2 times, 2 beside each other
#     Node: the client was answered: yes; the work was begun 1 times and done 1 times, 1 beside each other
#
# Succeeds while this is so (it takes half a minute). What to do instead: `idleTimeout: 0`, or `server.timeout(request, 0)`.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${bun:-}" "${node:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts bun@1.4.5
node node_modules/bun/install.js > /dev/null 2>&1
cat > work.mjs << 'JS'
const state = { begun: 0, done: 0, now: 0, most: 0 }
export const work = async () => {
  state.begun++
  state.most = Math.max(state.most, ++state.now)
  await new Promise((resolve) => setTimeout(resolve, 13_000))
  state.now--
  state.done++
}
export const told = () => JSON.stringify(state)
JS
cat > bun.mjs << 'JS'
import { told, work } from "./work.mjs"

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    if (new URL(request.url).pathname === "/state") return new Response(told())
    await work()
    return new Response("done")
  }
})
console.log(server.port)
JS
cat > node.mjs << 'JS'
import { createServer } from "node:http"
import { told, work } from "./work.mjs"

const server = createServer(async (request, response) => {
  if (request.url === "/state") return response.end(told())
  await work()
  response.end("done")
}).listen(0, "127.0.0.1", () => console.log(server.address().port))
JS
cat > try.mjs << 'JS'
const look = async (name, port) => {
  const url = `http://127.0.0.1:${port}`
  const ask = () => fetch(url).then((response) => response.ok, () => false)
  const answered = await ask() || await ask()
  // what goes on without a client, to its end
  let state
  do {
    await new Promise((resolve) => setTimeout(resolve, 200))
    state = await (await fetch(`${url}/state`)).json()
  } while (state.now > 0)
  return `${name}: the client was answered: ${answered ? "yes" : "no"}; the work was begun ${state.begun} times and done ${state.done} times, ${state.most} beside each other`
}
const [bun, node] = process.argv.slice(2)
console.log((await Promise.all([look("Bun", bun), look("Node", node)])).join("\n"))
JS
./node_modules/.bin/bun bun.mjs > bun.port 2> /dev/null &
bun=$!
node node.mjs > node.port &
node=$!
until [[ -s bun.port && -s node.port ]]; do sleep 0.1; done
expected="Bun: the client was answered: no; the work was begun 2 times and done 2 times, 2 beside each other
Node: the client was answered: yes; the work was begun 1 times and done 1 times, 1 beside each other"
seen=$(node try.mjs "$(< bun.port)" "$(< node.port)")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
