/**
 * A streamed HTTP response under a lock: an export that must not run twice at a time,
 * row by row as they come.
 *
 * The lease belongs to the request's scope, so it ends with it: when the last row
 * is written, and when the client goes away in the middle. `Lock.guard` stops the rows
 * when the lease is lost, and the connection is broken off, so that nobody takes half
 * an export for a whole one.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Context, Effect, Layer, Option } from "effect"
import { Lock, type LockBackend } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { createServer, type ServerResponse } from "node:http"
import { reachable } from "./support/reachable.ts"

const rows = 20

const writeRows = (response: ServerResponse) =>
  Effect.gen(function*() {
    for (let row = 1; row <= rows; row++) {
      yield* Effect.sleep("20 millis")
      response.write(`row ${row}\n`)
    }
    response.end()
  })

const answer = (response: ServerResponse) =>
  Effect.gen(function*() {
    const lease = yield* Lock.tryAcquire("export", { expires: "6 seconds" })
    if (Option.isNone(lease)) {
      response.writeHead(409).end("an export is running")
      return
    }
    response.writeHead(200)
    yield* Lock.guard(lease.value)(writeRows(response))
  }).pipe(
    Effect.scoped,
    // The status is sent already: a connection that breaks off is all that can be said.
    Effect.catch((error) =>
      Effect.andThen(Console.log(`  server: ${error.message}`), Effect.sync(() => response.destroy()))
    )
  )

const Url = Context.Service<string>("example/Url")

const server = Layer.effect(
  Url,
  Effect.gen(function*() {
    const run = Effect.runForkWith(yield* Effect.context<LockBackend.LockBackend>())
    const listening = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const http = createServer((_request, response) => {
          const fiber = run(answer(response))
          // The client has gone, or all is written
          response.once("close", () => fiber.interruptUnsafe())
        })
        http.listen(0, "127.0.0.1", () => resume(Effect.succeed(http)))
      }),
      (http) =>
        Effect.sync(() => {
          http.close()
          http.closeAllConnections()
        })
    )
    const address = listening.address()
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : address}/export`
  })
)

/** What comes of a request; with `leaveAfter` the client goes away when so much of it has come. */
const get = Effect.fnUntraced(function*(leaveAfter = Infinity) {
  const url = yield* Url
  return yield* Effect.promise(async () => {
    const leaving = new AbortController()
    const response = await fetch(url, { signal: leaving.signal })
    let text = ""
    try {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        if (text.split("\n").length > leaveAfter) leaving.abort()
      }
    } catch {
      return leaving.signal.aborted ? "went away" : "was broken off"
    }
    return response.status === 200 ? `${text.trim().split("\n").length} rows` : `${response.status} ${text}`
  })
})

const program = Effect.gen(function*() {
  const [first, second] = yield* Effect.all([get(), Effect.delay(get(), "100 millis")], { concurrency: "unbounded" })
  yield* Console.log(`  first client: ${first}\n  second client, meanwhile: ${second}`)
  yield* Console.log(`  third client: ${yield* get(3)}`)
  // Freed with the connection, long before the export would have been over
  yield* Lock.awaitFree("export", { timeout: "5 seconds" })
  yield* Console.log("  the export is free")
  const [stolen] = yield* Effect.all([get(), Effect.delay(Lock.forceRelease("export"), "150 millis")], {
    concurrency: "unbounded"
  })
  yield* Console.log(`  fourth client, whose lock was taken away: ${stolen}`)
})

program.pipe(
  Effect.provide(Layer.provideMerge(server, reachable(BackendUrl.layerConfig))),
  NodeRuntime.runMain
)
