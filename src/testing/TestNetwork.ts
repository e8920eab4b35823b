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
export const make = (store: LockStore, options?: Options): Effect.Effect<TestNetwork> =>
  Effect.map(Effect.context<never>(), (context) => {
    const clock = Context.get(context, Clock.Clock)
    const run = Effect.runForkWith(context)
    const end = Latch.makeUnsafe()
    let latency = Duration.fromInputUnsafe(options?.latency ?? 0)
    let isCut = false
    /** How often the network was cut, by which messages in transit know that they are lost. */
    let cuts = 0
    let losses: Array<Loss> = []

    const lose = (kind: Message["kind"]) => (loss?: LoseOptions) =>
      Effect.sync(() => {
        losses.push({ kind, operation: loss?.operation, left: loss?.times ?? 1 })
      })

    const takeLoss = (kind: Message["kind"], operation: Operation): boolean => {
      const loss = losses.find((one) =>
        one.kind === kind && (one.operation === undefined || one.operation === operation)
      )
      if (loss === undefined) return false
      if (--loss.left <= 0) losses = losses.filter((one) => one !== loss)
      return true
    }

    interface Holding {
      readonly key: string
      readonly token: string | undefined
    }

    interface Said {
      readonly outcome: Outcome
      readonly fencingToken?: number | undefined
    }

    const tell = (
      kind: Message["kind"],
      fate: Message["fate"],
      operation: Operation,
      holdings: ReadonlyArray<Holding>,
      said?: ReadonlyArray<Said>
    ): void => {
      const at = monotonicMillis(clock)
      holdings.forEach(({ key, token }, index) =>
        options?.onMessage?.({
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

    /** One direction; returns whether the message arrived. */
    const travel = (
      kind: Message["kind"],
      operation: Operation,
      holdings: ReadonlyArray<Holding>,
      said?: ReadonlyArray<Said>
    ): Effect.Effect<boolean> =>
      Effect.suspend(() => {
        const sentAfter = cuts
        const lost = takeLoss(kind, operation) || isCut
        tell(kind, "sent", operation, holdings, said)
        const arrive = Effect.sync(() => {
          const arrives = !lost && sentAfter === cuts
          tell(kind, arrives ? "arrived" : "lost", operation, holdings, said)
          return arrives
        })
        return Duration.isZero(latency) || lost
          ? arrive
          : Effect.andThen(Effect.timeoutOption(end.await, latency), arrive)
      })

    const carry = <A, R>(
      operation: Operation,
      holdings: ReadonlyArray<Holding>,
      execute: Effect.Effect<A, BackendFailure, R>,
      says: (answer: A) => ReadonlyArray<Said>
    ): Effect.Effect<A, BackendFailure, R> => {
      const silence = Effect.andThen(
        end.await,
        Effect.suspend(() =>
          Effect.fail(
            new BackendFailure({
              backend: store.name,
              operation,
              kind: "NoReply",
              retryable: true,
              key: holdings[0]?.key,
              description: "it was lost in the network"
            })
          )
        )
      )
      const trip = Effect.gen(function*() {
        if (!(yield* travel("request", operation, holdings))) return yield* silence
        const exit = yield* Effect.exit(execute)
        const said = Exit.isSuccess(exit) ? says(exit.value) : holdings.map((): Said => ({ outcome: "Failed" }))
        if (!(yield* travel("reply", operation, holdings, said))) return yield* silence
        return yield* exit
      })
      // It goes on its way whoever waits for it.
      return Effect.flatMap(Effect.forkDetach(trip, { startImmediately: true }), Fiber.join)
    }

    const news = (operation: Operation, holding: Holding, notify: () => void): void => {
      run(Effect.map(travel("news", operation, [holding]), (arrived) => arrived && notify()))
    }

    const { exchange, extendAll, holders, list, listen, transfer, watch } = store
    const distant: LockStore = {
      ...store,
      tryAcquire: (claim) => carry("tryAcquire", [claim], store.tryAcquire(claim), attempted),
      extend: (holding) => carry("extend", [holding], store.extend(holding), (was) => [extended(was)]),
      release: (key, token) =>
        carry("release", [{ key, token }], store.release(key, token), (was) => [{
          outcome: was ? "Released" : "NotHeld"
        }]),
      inspect: (key) => carry("inspect", [{ key, token: undefined }], store.inspect(key), inspected),
      holders: holders === undefined ?
        undefined :
        (key) => carry("inspect", [{ key, token: undefined }], holders(key), inspected),
      listen: listen === undefined ?
        undefined :
        (key, token, notify) =>
          carry(
            "listen",
            [{ key, token }],
            listen(key, token, (grant: Grant | undefined) => news("listen", { key, token }, () => notify(grant))),
            () => [{ outcome: "Listening" }]
          ),
      watch: watch === undefined ?
        undefined :
        (key, notify) => {
          const holding = { key, token: undefined }
          return carry("watch", [holding], watch(key, () => news("watch", holding, notify)), () => [{
            outcome: "Listening"
          }])
        },
      list: list === undefined ?
        undefined :
        (prefix, from) => carry("list", [{ key: prefix, token: undefined }], list(prefix, from), inspected),
      transfer: transfer === undefined ?
        undefined :
        (token, claim) => carry("transfer", [claim], transfer(token, claim), attempted),
      extendAll: extendAll === undefined ?
        undefined :
        (holdings) => carry("extend", holdings, extendAll(holdings), (answers) => answers.map(extended)),
      exchange: exchange === undefined ?
        undefined :
        (token, claim) => carry("exchange", [claim], exchange(token, claim), attempted)
    }

    return {
      store: withShortcuts(distant, { ending: Effect.asVoid(end.open) }),
      latency: (oneWay) =>
        Effect.sync(() => {
          latency = Duration.fromInputUnsafe(oneWay)
        }),
      cut: Effect.sync(() => {
        isCut = true
        cuts++
      }),
      mend: Effect.sync(() => {
        isCut = false
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
