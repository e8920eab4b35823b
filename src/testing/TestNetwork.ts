/**
 * A network between a process and its store, which can be slow, cut, or lossy, for tests of
 * programs that lock, and to observe what locks do.
 *
 * {@link make} puts a network in front of any store. It delays messages in both directions,
 * including the notifications that wake waiters, and loses those in transit when it is cut. Give
 * each process its own network: `TestProcess` simulates processes.
 *
 * `TestBackend` scripts single calls instead, such as a failure of a certain kind.
 *
 * **Example** (A holder that is cut off)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { InMemoryBackend, Lock, LockBackend } from "effect-lock"
 * import { TestNetwork } from "effect-lock/testing"
 * import { TestClock } from "effect/testing"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make(yield* InMemoryBackend.makeStore, { latency: "20 millis" })
 *   const work = Effect.never.pipe(
 *     Lock.withLock("key", { expires: "3 seconds" }),
 *     Effect.catchReason("LockError", "LockLost", ({ why }) => Effect.succeed(why)),
 *     Effect.provideService(LockBackend.LockBackend, yield* LockBackend.make(network.store))
 *   )
 *   const fiber = yield* Effect.forkChild(work)
 *   yield* TestClock.adjust("1 second")
 *   yield* network.cut
 *   yield* TestClock.adjust("5 seconds")
 *   return yield* Fiber.join(fiber)
 * }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
 *
 * await Effect.runPromise(program) // => "Expired"
 * ```
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { isFailure } from "../internal/engine/failures.ts"
import { withShortcuts } from "../internal/shortcuts.ts"
import { monotonicMillis } from "../internal/time.ts"
import { BackendFailure } from "../LockError.ts"
import type { Attempt, Grant, LockStore } from "../LockStore.ts"
import type { Operation as Scripted, Outcome } from "./TestBackend.ts"

/**
 * The operations of a store over a network.
 *
 * @category models
 * @since 0.2.0
 */
export type Operation = Scripted

/**
 * A message between a process and its store.
 *
 * @category models
 * @since 0.2.0
 */
export interface Message {
  /** A `"request"` to the store, its `"reply"`, or `"news"`: a notification that wakes a waiter. */
  readonly kind: "request" | "reply" | "news"
  /**
   * Whether it was sent, has arrived, or is lost. A message that is sent is reported again when it
   * arrives or is lost.
   */
  readonly fate: "sent" | "arrived" | "lost"
  /** The operation; `"listen"` or `"watch"` for news. */
  readonly operation: Operation
  /** The key, with its prefix; for `list` the prefix of the keys. */
  readonly key: string
  /** The token of the acquisition; undefined for operations without one, such as `inspect`. */
  readonly token: string | undefined
  /** The time, in milliseconds of the monotonic clock. */
  readonly at: number
  /** The answer in a reply; undefined for requests and news. */
  readonly outcome: Outcome | undefined
  /** The fencing token in a reply that says `"Acquired"`. */
  readonly fencingToken: number | undefined
}

/**
 * The initial state of a network.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** How long a message takes in one direction. Default zero. */
  readonly latency?: Duration.Input | undefined
  /** Called with each message when it is sent, and again when it arrives or is lost. Must not throw. */
  readonly onMessage?: ((message: Message) => void) | undefined
}

/**
 * Which messages are lost.
 *
 * @category models
 * @since 0.2.0
 */
export interface LoseOptions {
  /** The operation. Default: any. */
  readonly operation?: Operation | undefined
  /** How many messages. Default 1. */
  readonly times?: number | undefined
}

/**
 * A network in front of a store.
 *
 * @category models
 * @since 0.2.0
 */
export interface TestNetwork {
  /** The store, as seen through the network. */
  readonly store: LockStore
  /** Sets the delay in one direction. Messages in transit keep theirs. */
  readonly latency: (oneWay: Duration.Input) => Effect.Effect<void>
  /**
   * Loses all messages from now on, and those in transit, in both directions. Calls are never
   * answered.
   */
  readonly cut: Effect.Effect<void>
  /** Ends `cut`. Lost messages stay lost. */
  readonly mend: Effect.Effect<void>
  /** Loses the next requests: they are neither executed nor answered. */
  readonly loseRequest: (options?: LoseOptions) => Effect.Effect<void>
  /** Loses the next replies: the store has executed the operation, and nobody knows. */
  readonly loseReply: (options?: LoseOptions) => Effect.Effect<void>
  /** Loses the next notifications: waiters have to find out by themselves. */
  readonly loseNews: (options?: Pick<LoseOptions, "times">) => Effect.Effect<void>
}

interface Loss {
  readonly kind: Message["kind"]
  readonly operation: Operation | undefined
  left: number
}

interface Holding {
  readonly key: string
  readonly token: string | undefined
}

interface Said {
  readonly outcome: Outcome
  readonly fencingToken?: number | undefined
}

/** What goes from here to the store, and back. */
class Wire {
  latency: Duration.Duration
  isCut = false
  /** How often it was cut, by which messages in transit know that they are lost. */
  cuts = 0
  /** Opens when nobody waits any more: what is on its way arrives then. */
  readonly end = Latch.makeUnsafe()
  private readonly backend: string
  private readonly clock: Clock.Clock
  private readonly onMessage: Options["onMessage"]
  private losses: ReadonlyArray<Loss> = []

  constructor(backend: string, clock: Clock.Clock, { latency = 0, onMessage }: Options) {
    this.backend = backend
    this.clock = clock
    this.latency = Duration.fromInputUnsafe(latency)
    this.onMessage = onMessage
  }

  lose(kind: Message["kind"], { operation, times = 1 }: LoseOptions): void {
    this.losses = [...this.losses, { kind, operation, left: times }]
  }

  /** A request, and the reply to it. */
  carry<A, R>(
    operation: Operation,
    holdings: ReadonlyArray<Holding>,
    execute: Effect.Effect<A, BackendFailure, R>,
    says: (answer: A) => ReadonlyArray<Said>
  ): Effect.Effect<A, BackendFailure, R> {
    const silence = this.silence(operation, holdings[0]?.key)
    const trip = Effect.gen({ self: this }, function*() {
      if (!(yield* this.travel("request", operation, holdings))) return yield* silence
      const exit = yield* Effect.exit(execute)
      const said = Exit.isSuccess(exit) ? says(exit.value) : holdings.map((): Said => ({ outcome: "Failed" }))
      if (!(yield* this.travel("reply", operation, holdings, said))) return yield* silence
      return yield* exit
    })
    // It goes on its way whoever waits for it.
    return Effect.flatMap(Effect.forkDetach(trip, { startImmediately: true }), Fiber.join)
  }

  /** One direction; returns whether the message arrived. */
  travel(
    kind: Message["kind"],
    operation: Operation,
    holdings: ReadonlyArray<Holding>,
    said?: ReadonlyArray<Said>
  ): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const { cuts, latency } = this
      const lost = this.takeLoss(kind, operation) || this.isCut
      this.tell(kind, "sent", operation, holdings, said)
      const arrive = Effect.sync(() => {
        const arrives = !lost && cuts === this.cuts
        this.tell(kind, arrives ? "arrived" : "lost", operation, holdings, said)
        return arrives
      })
      return Duration.isZero(latency) || lost
        ? arrive
        : Effect.andThen(Effect.timeoutOption(this.end.await, latency), arrive)
    })
  }

  private silence(operation: Operation, key: string | undefined): Effect.Effect<never, BackendFailure> {
    const failure = () =>
      new BackendFailure({
        backend: this.backend,
        operation,
        kind: "NoReply",
        retryable: true,
        key,
        description: "it was lost in the network"
      })
    return Effect.andThen(this.end.await, Effect.suspend(() => Effect.fail(failure())))
  }

  private takeLoss(kind: Message["kind"], operation: Operation): boolean {
    const loss = this.losses.find((one) =>
      one.kind === kind && (one.operation === undefined || one.operation === operation)
    )
    if (loss === undefined) return false
    if (--loss.left <= 0) this.losses = this.losses.filter((one) => one !== loss)
    return true
  }

  private tell(
    kind: Message["kind"],
    fate: Message["fate"],
    operation: Operation,
    holdings: ReadonlyArray<Holding>,
    said?: ReadonlyArray<Said>
  ): void {
    const at = monotonicMillis(this.clock)
    holdings.forEach(({ key, token }, index) =>
      this.onMessage?.({
        kind,
        fate,
        operation,
        key,
        token,
        at,
        outcome: said?.[index]?.outcome,
        fencingToken: said?.[index]?.fencingToken
      })
    )
  }
}

/** The store at the other end of a wire. `run` lets news go on its way. */
const distant = (store: LockStore, wire: Wire, run: (effect: Effect.Effect<unknown>) => void): LockStore => {
  const news = (operation: Operation, holding: Holding, notify: () => void): void =>
    run(Effect.map(wire.travel("news", operation, [holding]), (arrived) => arrived && notify()))

  const { exchange, extendAll, holders, list, listen, transfer, watch } = store
  return {
    ...store,
    tryAcquire: (claim) => wire.carry("tryAcquire", [claim], store.tryAcquire(claim), attempted),
    extend: (holding) => wire.carry("extend", [holding], store.extend(holding), (was) => [extended(was)]),
    release: (key, token) =>
      wire.carry("release", [{ key, token }], store.release(key, token), (was) => [{
        outcome: was ? "Released" : "NotHeld"
      }]),
    inspect: (key) => wire.carry("inspect", [{ key, token: undefined }], store.inspect(key), inspected),
    holders: holders === undefined ?
      undefined :
      (key) => wire.carry("inspect", [{ key, token: undefined }], holders(key), inspected),
    listen: listen === undefined ?
      undefined :
      (key, token, notify) =>
        wire.carry(
          "listen",
          [{ key, token }],
          listen(key, token, (grant: Grant | undefined) => news("listen", { key, token }, () => notify(grant))),
          () => [{ outcome: "Listening" }]
        ),
    watch: watch === undefined ?
      undefined :
      (key, notify) => {
        const holding = { key, token: undefined }
        return wire.carry("watch", [holding], watch(key, () => news("watch", holding, notify)), () => [{
          outcome: "Listening"
        }])
      },
    list: list === undefined ?
      undefined :
      (prefix, from) => wire.carry("list", [{ key: prefix, token: undefined }], list(prefix, from), inspected),
    transfer: transfer === undefined ?
      undefined :
      (token, claim) => wire.carry("transfer", [claim], transfer(token, claim), attempted),
    extendAll: extendAll === undefined ?
      undefined :
      (holdings) => wire.carry("extend", holdings, extendAll(holdings), (answers) => answers.map(extended)),
    exchange: exchange === undefined ?
      undefined :
      (token, claim) => wire.carry("exchange", [claim], exchange(token, claim), attempted)
  }
}

/**
 * Puts a network in front of a store.
 *
 * **Details**
 *
 * Time is Effect's `Clock`, so `TestClock` drives it. A request arrives even if nobody waits for
 * its reply any more. When a backend over the network closes, messages in transit arrive at once,
 * and lost ones are answered with a failure.
 *
 * **Example** (A reply that is lost)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend } from "effect-lock"
 * import { TestNetwork } from "effect-lock/testing"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const seen: Array<string> = []
 *   const network = yield* TestNetwork.make(store, {
 *     onMessage: ({ fate, kind }) => seen.push(`${kind} ${fate}`)
 *   })
 *   yield* network.loseReply()
 *   const claim = { key: "key", token: "a", expiresMillis: 1000, wait: false }
 *   const answer = yield* network.store.tryAcquire(claim).pipe(Effect.timeoutOption("5 millis"))
 *   const held = yield* store.inspect("key")
 *   return [Option.isSome(answer), Option.isSome(held), seen]
 * })
 *
 * await Effect.runPromise(program)
 * // => [false, true, ["request sent", "request arrived", "reply sent", "reply lost"]]
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (store: LockStore, options: Options = {}): Effect.Effect<TestNetwork> =>
  Effect.map(Effect.context<never>(), (context) => {
    const wire = new Wire(store.name, Context.get(context, Clock.Clock), options)
    const lose = (kind: Message["kind"]) => (loss: LoseOptions = {}) => Effect.sync(() => wire.lose(kind, loss))
    return {
      store: withShortcuts(distant(store, wire, Effect.runForkWith(context)), {
        ending: Effect.asVoid(wire.end.open)
      }),
      latency: (oneWay) =>
        Effect.sync(() => {
          wire.latency = Duration.fromInputUnsafe(oneWay)
        }),
      cut: Effect.sync(() => {
        wire.isCut = true
        wire.cuts++
      }),
      mend: Effect.sync(() => {
        wire.isCut = false
      }),
      loseRequest: lose("request"),
      loseReply: lose("reply"),
      loseNews: lose("news")
    }
  })

const attempted = (attempt: Attempt): ReadonlyArray<{ readonly outcome: Outcome; readonly fencingToken?: number }> => [
  attempt._tag === "Acquired"
    ? { outcome: "Acquired", fencingToken: attempt.fencingToken }
    : { outcome: "Held" }
]

const extended = (answer: boolean | BackendFailure): { readonly outcome: Outcome } => ({
  outcome: isFailure(answer) ? "Failed" : answer ? "Extended" : "Lost"
})

const inspected = (): ReadonlyArray<{ readonly outcome: Outcome }> => [{ outcome: "Inspected" }]
