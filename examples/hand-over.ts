/**
 * A lock that changes hands: an HTTP handler takes the lock of an order, answers at
 * once, and leaves the lock to the worker that will do the work. Until that is done
 * the order is taken, so a second request is refused, although nobody works yet.
 *
 * The ticket goes through the queue with the job, as JSON. A job that is delivered
 * twice is done once: the ticket can be taken on once. And if no worker ever comes the
 * order is free again when the ticket is no longer good.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Deferred, Effect, Fiber, Option, Queue, Schema } from "effect"
import { Lock, LockKey } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

const orderKey = LockKey.template("order-{order}")

const Job = Schema.fromJsonString(Schema.Struct({ order: Schema.Finite, ticket: Lock.Ticket }))

/** What the handler of `POST /orders/:order/ship` does: a status, and a job in the queue. */
const handle = Effect.fnUntraced(function*(queue: Queue.Queue<string>, order: number) {
  const lease = yield* Lock.tryAcquire(orderKey({ order }))
  if (Option.isNone(lease)) return "409 the order is being shipped"
  // From here on the lock is not this request's any more. If this fails it still is, and ends with it
  const ticket = yield* Lock.detach(lease.value, { for: "1 minute" })
  yield* Queue.offer(queue, yield* Schema.encodeEffect(Job)({ order, ticket }))
  return "202 accepted"
}, Effect.scoped)

/** A worker, in a process of its own in your program. */
const work = (queue: Queue.Queue<string>, ship: (order: number, fence: number) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const { order, ticket } = yield* Effect.flatMap(Queue.take(queue), Schema.decodeEffect(Job))
    yield* Effect.gen(function*() {
      const lease = yield* Lock.adopt(ticket)
      yield* Lock.guard(lease)(ship(order, lease.fencingToken))
    }).pipe(
      Effect.scoped,
      Effect.catchReason("LockError", "LockLost", ({ why }) => Console.log(`worker: the job is not mine (${why})`))
    )
  }).pipe(Effect.forever)

const program = Effect.gen(function*() {
  const queue = yield* Queue.unbounded<string>()
  const shipped = yield* Deferred.make<void>()
  const say = (status: string) => Console.log(`handler: ${status}`)

  yield* Effect.tap(handle(queue, 7), say)
  yield* Effect.tap(handle(queue, 7), say)
  // As queues do now and then, it delivers the job twice
  const job = yield* Queue.take(queue)
  yield* Queue.offerAll(queue, [job, job])

  const worker = work(queue, (order) =>
    Console.log(`worker: ships order ${order}`).pipe(
      Effect.andThen(Effect.sleep("50 millis")),
      Effect.andThen(Console.log("worker: done")),
      Effect.andThen(Deferred.succeed(shipped, undefined))
    ))
  const workers = yield* Effect.forEach(["one", "other"], () => Effect.forkChild(worker))
  yield* Deferred.await(shipped)
  yield* Lock.awaitFree(orderKey({ order: 7 }), { timeout: "5 seconds" })
  yield* Fiber.interruptAll(workers)
  yield* Effect.tap(handle(queue, 7), say)
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
