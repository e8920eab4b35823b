/**
 * An HTTP endpoint made idempotent: a client that is not sure repeats its request
 * with the same Idempotency-Key, and is charged once.
 *
 * The first request does the work under a lock and keeps the response. A second
 * one that comes meanwhile waits, on whichever host, and gets the kept response.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Context, Effect, Layer } from "effect"
import { Lock, type LockBackend, LockKey } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { reachable } from "./support/reachable.ts"

interface Reply {
  readonly status: number
  readonly body: string
}

const requestKey = LockKey.template("charge-{idempotencyKey}")

/** In a real service a table that all hosts see. */
const kept = new Map<string, Reply>()
let charges = 0

const charge = Effect.gen(function*() {
  yield* Effect.sleep("80 millis")
  return { status: 201, body: `charge ${++charges}` }
})

const chargeOnce = (idempotencyKey: string) =>
  Effect.gen(function*() {
    const reply = kept.get(idempotencyKey)
    if (reply !== undefined) return { ...reply, status: 200 }
    const made = yield* charge
    kept.set(idempotencyKey, made)
    return made
  }).pipe(
    Lock.withLock(requestKey({ idempotencyKey }), { expires: "30 seconds", timeout: "5 seconds" }),
    Effect.catchReasons("LockError", {
      LockTimeout: () => Effect.succeed({ status: 409, body: "the first request is still at work, try later" }),
      // Nobody knows whether we are alone, so nobody is charged
      BackendFailure: () => Effect.succeed({ status: 503, body: "try later" })
    })
  )

const handle = (request: IncomingMessage): Effect.Effect<Reply, never, LockBackend.LockBackend> => {
  const key = request.headers["idempotency-key"]
  return request.method !== "POST" || typeof key !== "string"
    ? Effect.succeed({ status: 400, body: "POST with an Idempotency-Key" })
    : Effect.catch(chargeOnce(key), (error) => Effect.succeed({ status: 500, body: error.message }))
}

const Url = Context.Service<string>("example/Url")

/** The server on a free port of this machine; in your program it is whatever you serve HTTP with. */
const server = Layer.effect(
  Url,
  Effect.gen(function*() {
    const run = Effect.runForkWith(yield* Effect.context<LockBackend.LockBackend>())
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      run(Effect.map(handle(request), ({ body, status }) => response.writeHead(status).end(body)))
    const listening = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const http = createServer(answer)
        http.listen(0, "127.0.0.1", () => resume(Effect.succeed(http)))
      }),
      (http) =>
        Effect.sync(() => {
          http.close()
          http.closeAllConnections()
        })
    )
    const address = listening.address()
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : address}/charges`
  })
)

const post = Effect.fnUntraced(function*(idempotencyKey: string) {
  const client = yield* HttpClient.HttpClient
  const request = HttpClientRequest.post(yield* Url, { headers: { "idempotency-key": idempotencyKey } })
  const response = yield* client.execute(request)
  return `${response.status} ${yield* response.text}`
})

const program = Effect.gen(function*() {
  yield* Console.log("Two requests at once with one key, and one with another:")
  const replies = yield* Effect.forEach(["order-7", "order-7", "order-8"], post, { concurrency: "unbounded" })
  for (const reply of replies.toSorted()) yield* Console.log(`  ${reply}`)
  yield* Console.log(`The first key again, later:\n  ${yield* post("order-7")}`)
  yield* Console.log(`Charged ${charges} times for 4 requests`)
})

program.pipe(
  Effect.provide([server, FetchHttpClient.layer]),
  Effect.provide(reachable(BackendUrl.layerConfig)),
  NodeRuntime.runMain
)
