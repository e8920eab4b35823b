/**
 * The public operations of a backend, over one that can take keys. The life of a lock is one lazy effect, which
 * owns what it takes from its first step on, so that it can be decorated like any effect.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Lease } from "../Lease.ts"
import type { LockRequest } from "../LockConfig.ts"
import type { Holder, LockError } from "../LockError.ts"
import type { LockEvent } from "../LockEvent.ts"
import type { Share } from "../LockStore.ts"
import { until } from "./ending.ts"
import { type Caller, type Guard, isGuard, type Restore } from "./guard.ts"
import type { HeldPage } from "./holder.ts"
import * as Reentry from "./reentry.ts"
import { Refusal } from "./refusal.ts"
import * as Work from "./work.ts"

type Taken = Guard | Refusal

export interface Taker {
  readonly name: string
  /** The store is in this process. */
  readonly isInProcess: boolean
  /** Synchronous where nothing has to be waited for. */
  take(request: LockRequest, caller: Caller, restore: Restore): Taken | Effect.Effect<Taken, LockError>
  inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError>
  holders(key: string): Effect.Effect<ReadonlyArray<Holder>, LockError>
  forceRelease(key: string, token?: string): Effect.Effect<boolean, LockError>
  /** Takes a key over from a token. */
  adopt(token: string, request: LockRequest, caller: Caller, restore: Restore): Effect.Effect<Guard, LockError>
  watch(key: string, notify: () => void): Effect.Effect<void, never, Scope.Scope>
  list(prefix: string, from: string | undefined): Effect.Effect<HeldPage, LockError>
  listen(hear: (event: LockEvent) => void, end: () => void): () => void
}

type Work<A, E, R> = Reentry.Work<Lease, A, E, R>

type Refused<A, E, R> = (refusal: Refusal) => Effect.Effect<A, E, R>

const takers = new WeakMap<object, Taker>()

/** The taker of an undecorated backend. A decorated one is another object, and so is never bypassed. */
export const takerOf = (backend: object): Taker | undefined => takers.get(backend)

export const make = (taker: Taker) => {
  const backend = {
    name: taker.name,
    inspect: (key: string) => Effect.suspend(() => taker.inspect(key)),
    holders: (key: string) => Effect.suspend(() => taker.holders(key)),
    forceRelease: (key: string, token?: string) => Effect.suspend(() => taker.forceRelease(key, token)),
    adopt: (token: string, request: LockRequest): Effect.Effect<Lease, LockError, Scope.Scope> =>
      Effect.uninterruptibleMask((restore) => {
        const caller = Fiber.getCurrent()!
        return Work.owning((owner) =>
          Effect.flatMap(
            taker.adopt(token, request, caller, restore),
            (lease) => intoScope(owner.own(lease), request, isTraced(caller) ? taker : undefined)
          ), true)
      }),
    watch: (key: string, notify: () => void) => Effect.suspend(() => taker.watch(key, notify)),
    list: (prefix: string, from: string | undefined) => Effect.suspend(() => taker.list(prefix, from)),
    listen: (hear: (event: LockEvent) => void, end: () => void) => taker.listen(hear, end),
    use: <A, E, R>(
      request: LockRequest,
      work: Work<A, E, R>,
      refused: Refused<A, E | LockError, R>
    ): Effect.Effect<A, E | LockError, R> =>
      Effect.uninterruptibleMask((restore) => use(taker, request, work, refused, Fiber.getCurrent()!, restore)),
    acquire: <A, E, R>(
      request: LockRequest,
      refused: Refused<A, E | LockError, R>
    ): Effect.Effect<Lease | A, E | LockError, R | Scope.Scope> =>
      Effect.uninterruptibleMask((restore) => acquire(taker, request, refused, Fiber.getCurrent()!, restore))
  }
  takers.set(backend, taker)
  return backend
}

/** The whole life of a lock, in an uninterruptible region. Acts when it is called. */
export const use = <A, E, R>(
  taker: Taker,
  request: LockRequest,
  work: Work<A, E, R>,
  refused: Refused<A, E | LockError, R>,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | LockError, R> => {
  if (request.reenter) {
    const reentered = reenter(taker, request, work, caller)
    if (reentered !== undefined) return restore(reentered)
  }
  if (isTraced(caller)) return traced(taker, request, work, refused, caller, restore)
  const taken = taker.take(request, caller, restore)
  if (isGuard(taken)) return Work.run(taken, request, work, caller, restore, caller.context)
  if (taken instanceof Refusal) return instead(taken, refused, restore)
  return useLater(taken, request, work, refused, caller, restore)
}

/** Whether a lease gives all that is wanted of its key: a shared one is not exclusive, and has only its own permits. */
const covers = (held: Share | undefined, wanted: Share | undefined): boolean =>
  held === undefined || (wanted !== undefined && held.permits >= wanted.permits && held.limit <= wanted.limit)

/** Runs the work under the lease that it already has. */
const reenter = <A, E, R>(
  taker: Taker,
  { key, share }: LockRequest,
  work: Work<A, E, R>,
  caller: Caller
): Effect.Effect<A, E | LockError, R> | undefined => {
  const found = Reentry.find(caller, taker, key)
  if (found === undefined || !covers(found.lease.share, share)) return undefined
  const lease = found.lease as Guard
  const inner = Reentry.isFunction(work) ? Effect.suspend(() => work(lease)) : work
  // Only the work itself is sure to end before its lease does.
  return Reentry.partOf(caller, found.section) === "itself" ? inner : Work.under([lease], inner)
}

const useLater = <A, E, R>(
  taking: Effect.Effect<Taken, LockError>,
  request: LockRequest,
  work: Work<A, E, R>,
  refused: Refused<A, E | LockError, R>,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | LockError, R> =>
  Work.owning((owner) =>
    Effect.flatMap(taking, (taken) =>
      taken instanceof Refusal
        ? instead(taken, refused, restore)
        : Work.begin(owner, taken, request, work, caller, restore, caller.context)), false)

/** The result of a refusal. An exit needs no interruptible region. */
const instead = <A, E, R>(refusal: Refusal, refused: Refused<A, E, R>, restore: Restore): Effect.Effect<A, E, R> => {
  const effect = refused(refusal)
  return (effect as Partial<Exit.Exit<A, E>>)._tag === "Success" ? effect : restore(effect)
}

const acquire = <A, E, R>(
  taker: Taker,
  request: LockRequest,
  refused: Refused<A, E | LockError, R>,
  caller: Caller,
  restore: Restore
): Effect.Effect<Lease | A, E | LockError, R | Scope.Scope> =>
  Work.owning((owner) => {
    const isSeen = isTraced(caller)
    const taking = waitFor(taker, request, refused, caller, restore, owner)
    return Effect.flatMap(
      isSeen ? waiting(taker, request, taking) : taking,
      (taken): Effect.Effect<Lease | A, never, Scope.Scope> =>
        taken instanceof Instead ? Exit.succeed(taken.value) : intoScope(taken, request, isSeen ? taker : undefined)
    )
  }, true)

/** The result of a refusal, instead of a lease. */
class Instead<A> {
  readonly value: A
  constructor(value: A) {
    this.value = value
  }
}

/** The lease, or the result of a refusal. */
const waitFor = <A, E, R>(
  taker: Taker,
  request: LockRequest,
  refused: Refused<A, E, R>,
  caller: Caller,
  restore: Restore,
  owner: Work.Owner
): Effect.Effect<Guard | Instead<A>, E | LockError, R> => {
  const had = (taken: Taken): Effect.Effect<Guard | Instead<A>, E, R> =>
    taken instanceof Refusal
      ? Effect.map(restore(refused(taken)), (value) => new Instead(value))
      : Exit.succeed(owner.own(taken))
  return Effect.suspend(() => {
    const taken = taker.take(request, caller, restore)
    return taken instanceof Refusal || isGuard(taken) ? had(taken) : Effect.flatMap(taken, had)
  })
}

// -----------------------------------------------------------------------------
// A lease in a scope
// -----------------------------------------------------------------------------

const intoScope = (
  lease: Guard,
  request: LockRequest,
  tracing: Taker | undefined
): Effect.Effect<Lease, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) => {
    lease.watch(constVoid)
    const finalizer = request.awaitRelease ? giveBackAndWait : giveBack
    const scoped = Effect.as(Scope.addFinalizerExit(scope, finalizer.bind(lease)), lease)
    if (tracing === undefined) return scoped
    return Effect.flatMap(Effect.makeSpan("Lock.hold", spanOptions(tracing, request)), (span) =>
      Effect.clockWith((clock: Clock.Clock) => {
        lease.whenEnded((exit) => {
          try {
            span.end(clock.currentTimeNanosUnsafe(), exit)
          } catch {
            // A tracer that throws must not affect the end of the lease.
          }
        })
        return scoped
      }))
  })

// Bound to the lease, because they live as long as it does: a closure would take twice the memory.

function giveBack(this: Guard): Effect.Effect<void> {
  this.giveBack()
  return Effect.void
}

function giveBackAndWait(this: Guard): Effect.Effect<void> {
  const ending = this.giveBack()
  return ending === undefined ? Effect.void : until(ending, Exit.void)
}

// -----------------------------------------------------------------------------
// Spans
// -----------------------------------------------------------------------------

/** Without a tracer and a parent nobody would see a span. */
const isTraced = ({ cache }: Caller): boolean =>
  cache.tracerEnabled && (cache.tracer !== undefined || cache.span !== undefined)

const spanOptions = ({ name }: Taker, { key, owner }: LockRequest) => ({
  attributes: { "lock.backend": name, "lock.key": key, "lock.owner": owner }
})

/** The span of a wait. A store in this process makes no spans that would be its children. */
const waiting = <A, E, R>(
  taker: Taker,
  request: LockRequest,
  taking: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.useSpan(
    "Lock.wait",
    spanOptions(taker, request),
    (span) => taker.isInProcess ? taking : Effect.provideService(taking, Tracer.ParentSpan, span)
  )

const traced = <A, E, R>(
  taker: Taker,
  request: LockRequest,
  work: Work<A, E, R>,
  refused: Refused<A, E | LockError, R>,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | LockError, R> =>
  // Owned while it is waited for: even the end of a span may throw.
  Work.owning((owner) => {
    return Effect.flatMap(
      waiting(taker, request, waitFor(taker, request, refused, caller, restore, owner)),
      (taken): Effect.Effect<A, E | LockError, R> =>
        taken instanceof Instead ? Exit.succeed(taken.value) : Effect.useSpan(
          "Lock.hold",
          spanOptions(taker, request),
          (span) =>
            Work.runLater(
              taken,
              request,
              work,
              caller,
              restore,
              Context.add(caller.context, Tracer.ParentSpan, span)
            ) as Effect.Effect<A, E | LockError, R>
        )
    )
  }, false)
