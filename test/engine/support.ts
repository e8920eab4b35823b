/** Engines under `TestClock`, each as a process of its own, over stores that do what a test wants. */
import { assert } from "@effect/vitest"
import type { Fiber } from "effect"
import { Clock, Duration, Effect, Exit, Option } from "effect"
import { InMemoryBackend, LockBackend, type LockError, type LockStore } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { Engine } from "../../src/internal/engine/engine.ts"
import * as Section from "../../src/internal/section.ts"
import { withShortcuts } from "../../src/internal/shortcuts.ts"
import { monotonicMillis } from "../../src/internal/time.ts"

export const immediately = { startImmediately: true } as const

export const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000)

/** Lets everything run that needs no time to pass. */
export const flush = Effect.repeat(TestClock.adjust(0), { times: 4 })

export interface Process {
  readonly engine: Engine
  readonly backend: LockBackend.LockBackend["Service"]
  /** Runs an effect in this process. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, LockBackend.LockBackend>) => Effect.Effect<A, E>
  /** Starts an effect in this process. */
  readonly start: <A, E>(effect: Effect.Effect<A, E, LockBackend.LockBackend>) => Effect.Effect<Fiber.Fiber<A, E>>
}

export const makeProcess = (store: LockStore.LockStore): Effect.Effect<Process> =>
  Effect.map(Effect.context<never>(), (context) => {
    const engine = new Engine(store, context)
    const backend = Section.make(engine)
    const run: Process["run"] = Effect.provideService(LockBackend.LockBackend, backend)
    // As the root of a fiber tree, so that the end of the one who starts it does not end it.
    return { engine, backend, run, start: (effect) => Effect.forkDetach(run(effect), immediately) }
  })

export interface Scene extends Process {
  readonly test: TestBackend.TestBackend["Service"]
  /** What the scripts stand in front of. */
  readonly inner: LockStore.LockStore
}

/** A process on a scripted store. */
export const scene = (
  change: (scripted: LockStore.LockStore, inner: LockStore.LockStore) => LockStore.LockStore = (store) => store,
  inner: Effect.Effect<LockStore.LockStore> = InMemoryBackend.makeStore
): Effect.Effect<Scene> =>
  Effect.gen(function*() {
    const store = yield* inner
    const test = yield* TestBackend.make(store)
    return { ...(yield* makeProcess(change(test.store, store))), test, inner: store }
  })

/** A store without news of releases, so that waiters poll. */
export const deaf = (store: LockStore.LockStore): LockStore.LockStore => ({ ...store, listen: undefined })

/** A store that lets leases pass from fiber to fiber, and leaves room for their fencing tokens. */
export const handingOver = (store: LockStore.LockStore): LockStore.LockStore => {
  const spread = Effect.map((attempt: LockStore.Attempt) =>
    attempt._tag === "Acquired" ? { ...attempt, fencingToken: attempt.fencingToken * 100 } : attempt
  )
  const { transfer } = store
  return {
    ...store,
    handOver: { times: 100, within: Duration.seconds(30) },
    tryAcquire: (claim) => spread(store.tryAcquire(claim)),
    transfer: transfer && ((token, claim) => spread(transfer(token, claim)))
  }
}

/** A store that releases and claims in one operation. */
export const exchanging = (store: LockStore.LockStore): LockStore.LockStore => ({
  ...store,
  exchange: (token, claim) => Effect.andThen(store.release(claim.key, token), store.tryAcquire(claim))
})

/** A store that calls back, as clients of servers do. */
export const callingBack = (store: LockStore.LockStore): Effect.Effect<LockStore.LockStore> =>
  Effect.map(Effect.context<never>(), (context) => {
    const fork = Effect.runForkWith(context)
    return withShortcuts({ ...store }, {
      callbacks: {
        tryAcquire: (claim, call) => void fork(store.tryAcquire(claim)).addObserver((exit) => call.settle(exit)),
        release: (key, token, call) => void fork(store.release(key, token)).addObserver((exit) => call.settle(exit))
      }
    })
  })

/** A store with a queue, which gives a free key to whoever waited longest, and tells. */
export const granting: Effect.Effect<LockStore.LockStore> = Effect.gen(function*() {
  const store = yield* InMemoryBackend.makeStore
  const clock = yield* Clock.Clock
  const queues = new Map<string, Array<LockStore.Claim>>()
  const listeners = new Map<string, (grant: LockStore.Grant | undefined) => void>()
  const sinceMillis = () => monotonicMillis(clock)
  const leave = (key: string, token: string) => {
    const queue = (queues.get(key) ?? []).filter((claim) => claim.token !== token)
    if (queue.length === 0) queues.delete(key)
    else queues.set(key, queue)
  }
  const next = (key: string): Effect.Effect<void, LockError.BackendFailure> =>
    Effect.suspend(() => {
      const claim = queues.get(key)?.[0]
      if (claim === undefined) return Effect.void
      return Effect.map(store.tryAcquire(claim), (attempt) => {
        if (attempt._tag === "Held") return
        leave(key, claim.token)
        listeners.get(claim.token)?.({
          fencingToken: attempt.fencingToken,
          sinceMillis: sinceMillis(),
          leaseMillis: claim.expiresMillis
        })
      })
    })
  return {
    ...store,
    name: "granting",
    tryAcquire: (claim) =>
      Effect.suspend(() => {
        const queue = queues.get(claim.key) ?? []
        const first = queue[0]
        if (first !== undefined && first.token !== claim.token) {
          if (claim.wait && !queue.some(({ token }) => token === claim.token)) queues.set(claim.key, [...queue, claim])
          // Whoever is first has the key, even one that is gone: its lease ends.
          return Effect.map(
            Effect.andThen(next(claim.key), store.inspect(claim.key)),
            (occupant): LockStore.Attempt => ({
              _tag: "Held",
              ...Option.getOrElse(occupant, () => ({ token: first.token }))
            })
          )
        }
        return Effect.map(store.tryAcquire(claim), (attempt) => {
          if (attempt._tag === "Acquired") leave(claim.key, claim.token)
          else if (claim.wait && first === undefined) queues.set(claim.key, [claim])
          return attempt
        })
      }),
    release: (key, token) =>
      Effect.suspend(() => {
        leave(key, token)
        return Effect.tap(store.release(key, token), () => next(key))
      }),
    inspect: (key) =>
      Effect.map(
        store.inspect(key),
        Option.map((occupant) => ({ ...occupant, waiters: queues.get(key)?.length ?? 0 }))
      ),
    listen: (_key, token, notify) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          listeners.set(token, notify)
        }),
        () => Effect.sync(() => listeners.delete(token))
      )
  }
})

/** A store in memory, in each of the forms that an engine tells apart. */
export const forms: Record<string, Effect.Effect<LockStore.LockStore>> = {
  "in place": InMemoryBackend.makeStore,
  "by its operations": Effect.map(InMemoryBackend.makeStore, (store) => ({ ...store })),
  "that tells of no release": Effect.map(InMemoryBackend.makeStore, deaf),
  "that hands over": Effect.map(InMemoryBackend.makeStore, handingOver),
  "that exchanges": Effect.map(InMemoryBackend.makeStore, exchanging),
  "that grants": granting
}

/** For so long an engine is interested in the answer to a call that nobody waits for, and then in its lease. */
export const horizon = 45_000

/** Nothing remains of the keys, in the process and in the store; of calls that the store never answers, after a while. */
export const assertClean = Effect.fnUntraced(function*(
  { engine, inner, test }: Pick<Scene, "engine" | "inner"> & Partial<Pick<Scene, "test">>,
  ...keys: ReadonlyArray<string>
) {
  yield* flush
  const made = test === undefined ? [] : yield* test.calls
  if (made.some((call) => call.outcome === "Unanswered")) yield* TestClock.adjust(horizon)
  assert.deepStrictEqual(engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 }, "what remains in the process")
  for (const key of keys) {
    const occupant = Option.getOrUndefined(yield* inner.inspect(key))
    assert.isUndefined(occupant, `the holder of ${key}`)
  }
})

/** The value of a fiber that must have ended by now: one that goes on is not waited for. */
export const joined = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.andThen(
    flush,
    Effect.suspend(() => fiber.pollUnsafe() ?? assert.fail("it goes on, though its time has passed"))
  )

/** How a fiber ended, in one word; `"Running"` if it has not. */
export const outcome = (fiber: Fiber.Fiber<unknown, LockError.LockError | string>): string => {
  const exit = fiber.pollUnsafe()
  if (exit === undefined) return "Running"
  return ending(exit)
}

export const ending = (exit: Exit.Exit<unknown, LockError.LockError | string>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  const reason = exit.cause.reasons[0]
  if (reason._tag !== "Fail") return reason._tag
  return typeof reason.error === "string" ? reason.error : reason.error.reason._tag
}
