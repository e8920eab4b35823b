/**
 * Several keys at once, on any backend. All are first tried together, without waiting; if one is
 * busy, those that sort after it are released, it is waited for, and so on in order. A waiter never
 * holds a key that sorts after the one it waits for, so there is no deadlock.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Lease } from "../Lease.ts"
import type { LockBackend, Refusal } from "../LockBackend.ts"
import type { LockRequest } from "../LockConfig.ts"
import { type LockError, LockTimeout } from "../LockError.ts"
import { failWith, isPassing } from "./failing.ts"
import { type Caller, isGuard } from "./guard.ts"
import { isFunction } from "./reentry.ts"
import { monotonicMillis, wholeMillis } from "./time.ts"
import { giveAllBack, under } from "./work.ts"

type Backend = LockBackend["Service"]

/** By code units: the same order in every process, whatever its locale. */
const inOrder = (requests: ReadonlyArray<LockRequest>): ReadonlyArray<LockRequest> =>
  Array.from(new Map(requests.map((request) => [request.key, request])).values())
    .toSorted((a, b) => a.key < b.key ? -1 : 1)

/**
 * The most attempts at a time. They take a process its time, too: those of thousands of keys, all made at once, would
 * outlast the store's patience before they have been sent.
 */
const atOnce = 256

interface Held {
  readonly lease: Lease
  readonly scope: Scope.Closeable
}

const none = (): Effect.Effect<undefined> => Effect.undefined

/**
 * Acquires all of them until the scope closes; returns the leases by their keys. `requests` are in
 * order.
 */
const takeAll = (
  backend: Backend,
  requests: ReadonlyArray<LockRequest>
): Effect.Effect<ReadonlyMap<string, Lease>, LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const outer = yield* Effect.scope
    const clock = yield* Clock.Clock
    const held = new Map<string, Held>()
    const startedAt = monotonicMillis(clock)
    const timeout = requests[0].timeoutMillis
    const left = () => Math.max(0, startedAt + timeout - monotonicMillis(clock))

    const take = <E>(request: LockRequest, refused: (refusal: Refusal) => Effect.Effect<undefined, E>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const scope = yield* Scope.fork(outer)
          const taken = yield* Effect.onExit(
            restore(Scope.provide(backend.acquire<undefined, E, never>(request, refused), scope)),
            (exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void
          )
          if (taken === undefined) yield* Scope.close(scope, Exit.void)
          else held.set(request.key, { lease: taken, scope })
          return taken !== undefined
        })
      )

    const giveBack = (some: ReadonlyArray<LockRequest>) =>
      Effect.forEach(some, ({ key }) => {
        const one = held.get(key)
        held.delete(key)
        return one === undefined ? Effect.void : Scope.close(one.scope, Exit.void)
      }, { concurrency: "unbounded", discard: true })

    /** A lease that is already held may be lost while another key is waited for. */
    const orLost = <A, E>(waiting: Effect.Effect<A, E>): Effect.Effect<A, E | LockError> =>
      beneath(Array.from(held.values(), ({ lease }) => lease), waiting)

    /** Without waiting. A store that does not answer now counts as busy. */
    const attempt = (request: LockRequest) =>
      Effect.catchIf(
        take({ ...request, timeoutMillis: 0 }, none),
        (error) => isPassing(error) && left() > 0,
        () => Effect.succeed(false)
      )

    let rest = requests
    while (rest.length > 0) {
      let busy = rest.length
      // Those that sort after a busy one would only be released again.
      const unlessInVain = (request: LockRequest, i: number) =>
        Effect.suspend(() =>
          i > busy ? Effect.void : Effect.map(attempt(request), (taken) => {
            if (!taken) busy = Math.min(busy, i)
          })
        )
      yield* Effect.forEach(rest, unlessInVain, { concurrency: atOnce, discard: true })
      if (busy === rest.length) break
      yield* giveBack(rest.slice(busy + 1))
      yield* orLost(take({ ...rest[busy], timeoutMillis: left() }, (refusal) => refusal.fail)).pipe(
        Effect.catch((error) =>
          Effect.withFiber((caller) => overall(error, timeout, monotonicMillis(clock) - startedAt, caller))
        )
      )
      rest = rest.slice(busy + 1)
    }
    return new Map(Array.from(held, ([key, { lease }]) => [key, lease]))
  })

/** One deadline for all: a timeout reports the whole wait, not only that for the last key. */
const overall = (
  error: LockError,
  timeoutMillis: number,
  waitedMillis: number,
  caller: Caller
): Exit.Exit<never, LockError> => {
  const { reason } = error
  if (reason._tag !== "LockTimeout") return Exit.fail(error)
  const timeout = Duration.millis(timeoutMillis)
  return failWith(() => new LockTimeout({ ...reason, timeout, waited: wholeMillis(waitedMillis) }), caller)
}

type Work<A, E, R> = Effect.Effect<A, E, R> | ((leases: ReadonlyArray<Lease>) => Effect.Effect<A, E, R>)

/** Runs work under all of them. */
export const use = <A, E, R>(
  backend: Backend,
  requests: ReadonlyArray<LockRequest>,
  work: Work<A, E, R>
): Effect.Effect<A, E | LockError, R> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Scope.provide(takeAll(backend, inOrder(requests)), scope), (held) => {
      const leases = requests.map(({ key }) => held.get(key)!)
      const effect: Effect.Effect<A, E, R> = isFunction(work) ? Effect.suspend(() => work(leases)) : work
      const all = Array.from(held.values())
      // A lease of a decorated backend is released with the scope.
      return Effect.onExit(beneath(all, effect, true), () => giveAllBack(all.filter(isGuard), requests[0]))
    })
  )

/** Runs a part of the call, unless one of the leases is lost. The work itself may release its own. */
const beneath = <A, E, R>(
  leases: ReadonlyArray<Lease>,
  effect: Effect.Effect<A, E, R>,
  isOwn = false
): Effect.Effect<A, E | LockError, R> => {
  if (leases.every(isGuard)) return leases.length === 0 ? effect : under(leases, effect, isOwn)
  return Effect.raceFirst(Effect.raceAllFirst(leases.map(({ lost }) => lost)), effect)
}
