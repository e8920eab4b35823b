#!/usr/bin/env bash
# effect 4.1.0, its RPC: a defect in the handler of one request is the answer to all requests of that client that are underway.
#
# A failure of a request goes to the one who asked. A defect is a failure that the types do not name, so one expects it at the one who
# asked, too: each request has an id of its own, and with HTTP it is a request of its own. But the server says it to the client as a
# whole, and the client ends everything that waits with it: who pays is told "no such column" about somebody else's report. Over a socket
# the server goes on with the others, and their answers are dropped: whoever takes the defect for a failure and tries again, pays twice.
# Over HTTP the others are broken off in the middle, as their requests are aborted.
#
# Seen (a payment of 2 s, and a report that has a defect after 200 ms, of one client):
#
#     over TCP: the report failed: no such column; the payment failed: no such column; paid by the server: 1
#     over HTTP: the report failed: no such column; the payment failed: no such column; paid by the server: 0
#     over TCP, disableFatalDefects: the report failed: no such column; the payment paid 1; paid by the server: 1
#     over HTTP, disableFatalDefects: the report failed: no such column; the payment paid 1; paid by the server: 1
#
# Succeeds while this is so. What to do instead: `disableFatalDefects: true` on the server.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 @effect/platform-node@4.1.0
cat > try.mjs << 'JS'
import { NodeHttpServer, NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { Cause, Effect, Layer, Logger, Schema } from "effect"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import { SocketServer } from "effect/socket"
import { createServer } from "node:http"

const Bank = RpcGroup.make(Rpc.make("pay", { success: Schema.String }), Rpc.make("report", { success: Schema.String }))
let paid
const Handlers = Bank.toLayer({
  pay: () => Effect.sleep("2 seconds").pipe(Effect.andThen(Effect.sync(() => `paid ${++paid}`))),
  report: () => Effect.delay(Effect.die(new Error("no such column")), "200 millis")
})
const answer = Effect.catchCause((cause) => Effect.succeed(`failed: ${Cause.squash(cause).message}`))
const ask = (words) =>
  Effect.gen(function*() {
    paid = 0
    const client = yield* RpcClient.make(Bank)
    const [payment, report] = yield* Effect.all([answer(client.pay()), answer(client.report())], { concurrency: 2 })
    yield* Effect.sleep("3 seconds")
    console.log(`${words}: the report ${report}; the payment ${payment}; paid by the server: ${paid}`)
  })
const bySocket = (words, options) => {
  const Server = RpcServer.layer(Bank, options).pipe(
    Layer.provide(Handlers),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provideMerge(NodeSocketServer.layer({ port: 0, host: "127.0.0.1" })),
    Layer.provide(RpcSerialization.layerNdjson)
  )
  return Effect.gen(function*() {
    const { address } = yield* SocketServer.SocketServer
    const Protocol = RpcClient.layerProtocolSocket().pipe(
      Layer.provide(NodeSocket.layerNet({ port: address.port, host: "127.0.0.1" })),
      Layer.provide(RpcSerialization.layerNdjson)
    )
    yield* Effect.provide(ask(words), Protocol)
  }).pipe(Effect.scoped, Effect.provide(Server))
}
const byHttp = (words, options) => {
  const web = createServer()
  const Server = HttpRouter.serve(
    RpcServer.layerHttp({ group: Bank, path: "/", protocol: "http", ...options }).pipe(
      Layer.provide(Handlers),
      Layer.provide(RpcSerialization.layerJson)
    )
  ).pipe(Layer.provide(NodeHttpServer.layer(() => web, { port: 0, host: "127.0.0.1" })))
  return Effect.suspend(() =>
    Effect.provide(
      ask(words),
      RpcClient.layerProtocolHttp({ url: `http://127.0.0.1:${web.address().port}` }).pipe(
        Layer.provide([FetchHttpClient.layer, RpcSerialization.layerJson])
      )
    )
  ).pipe(Effect.scoped, Effect.provide(Server))
}
await Effect.runPromise(Effect.gen(function*() {
  yield* bySocket("over TCP", {})
  yield* byHttp("over HTTP", {})
  yield* bySocket("over TCP, disableFatalDefects", { disableFatalDefects: true })
  yield* byHttp("over HTTP, disableFatalDefects", { disableFatalDefects: true })
}).pipe(Effect.provide(Logger.layer([]))))
process.exit()
JS
expected="over TCP: the report failed: no such column; the payment failed: no such column; paid by the server: 1
over HTTP: the report failed: no such column; the payment failed: no such column; paid by the server: 0
over TCP, disableFatalDefects: the report failed: no such column; the payment paid 1; paid by the server: 1
over HTTP, disableFatalDefects: the report failed: no such column; the payment paid 1; paid by the server: 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
