/**
 * What a backend does for those who call it, made of one that can take: the life
 * of a lock, as one effect that does nothing before it runs. From its first step
 * on it owns what it takes, so that it can be decorated like any effect.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid, identity } from "effect/Function"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Lease } from "../Lease.ts"
import type { LockRequest } from "../LockConfig.ts"
import type { Holder, LockError } from "../LockError.ts"
import type { LockEvent } from "../LockEvent.ts"
import { type Ending, until } from "./ending.ts"
import type { HeldPage } from "./holder.ts"
import * as Reentry from "./reentry.ts"
import { Refusal } from "./refusal.ts"

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

type Caller = Fiber.Fiber<unknown, unknown>

/** A lease, for those who guard work with it. */
export interface Guard extends Lease, Reentry.Section {
  readonly token: string
  readonly expiresMillis: number
  /** Leaves it to whoever knows its token, for at least so long. */
  detach(millis: number | undefined): Effect.Effect<void, LockError>
  readonly isOver: boolean
  /** Keeps it from now on; calls back once when it is lost, at once if it is. */
  watch(onLost: () => void): unknown
  /** Keeps it from now on; calls back once when it is lost or given back. */
  whenGone(then: () => void): () => void
  /** How work under it has ended that leaves it as it is. */
  judge<A, E>(exit: Exit.Exit<A, E>, caller: Caller): Exit.Exit<A, E | LockError>
  /** How work under it has ended. */
  settle<A, E>(exit: Exit.Exit<A, E>, caller: Caller): Exit.Exit<A, E | LockError>
  /** Acts at once, once. */
  giveBack(): Ending | undefined
  /** Called once, when it is lost or given back. */
  whenEnded(then: (exit: Exit.Exit<void, LockError>) => void): void
}

type Taken = Guard | Refusal

export interface Taker {
  readonly name: string
  /** The store is in this process. */
  readonly isInProcess: boolean
  /** At once, where nothing has to be waited for. */
  take(request: LockRequest, caller: Caller, restore: Restore): Taken | Effect.Effect<Taken, LockError>
  inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError>
  holders(key: string): Effect.Effect<ReadonlyArray<Holder>, LockError>
  forceRelease(key: string, token?: string): Effect.Effect<boolean, LockError>
  /** Takes a key on from a token. */
  adopt(token: string, request: LockRequest, caller: Caller, restore: Restore): Effect.Effect<Guard, LockError>
  watch(key: string, notify: () => void): Effect.Effect<void, never, Scope.Scope>
  list(prefix: string, from: string | undefined): Effect.Effect<HeldPage, LockError>
  listen(hear: (event: LockEvent) => void, end: () => void): () => void
}

export type Work<A, E, R> = Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>)

type Refused<A, E, R> = (refusal: Refusal) => Effect.Effect<A, E, R>

/** Work as a fiber under a lease begins it: one value for all its runs. */
export type Prepared<A, E, R> = Effect.Effect<A, E, R>

export const prepare = <A, E, R>(work: Work<A, E, R>): Prepared<A, E, R> =>
  Reentry.carrying(isFunction(work) ? (lease) => work(lease as Guard) : () => work)

/** A service key is both a function and an effect: as work it is an effect. */
export const isFunction = <L, A, E, R>(
  work: Effect.Effect<A, E, R> | ((had: L) => Effect.Effect<A, E, R>)
): work is (had: L) => Effect.Effect<A, E, R> => typeof work === "function" && !Effect.isEffect(work)

const takers = new WeakMap<object, Taker>()

/** Of a backend that is as it was made: whoever decorates one gets another object, and is never bypassed. */
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
        return owning((own) =>
          Effect.flatMap(
            taker.adopt(token, request, caller, restore),
            (lease) => intoScope(own(lease), request, isTraced(caller) ? taker : undefined)
          ), true)
      }),
    watch: (key: string, notify: () => void) => Effect.suspend(() => taker.watch(key, notify)),
    list: (prefix: string, from: string | undefined) => Effect.suspend(() => taker.list(prefix, from)),
    listen: (hear: (event: LockEvent) => void, end: () => void) => taker.listen(hear, end),
    use: <A, E, R>(
      request: LockRequest,
      work: Work<A, E, R>,
      refused: Refused<A, E | LockError, R>
    ): Effect.Effect<A, E | LockError, R> => {
      const prepared = prepare(work)
      return Effect.uninterruptibleMask((restore) =>
        use(taker, request, prepared, refused, Fiber.getCurrent()!, restore)
      )
    },
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
  work: Prepared<A, E, R>,
  refused: Refused<A, E | LockError, R>,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | LockError, R> => {
  if (request.reenter) {
    const lease = Reentry.find(caller, taker, request.key)
    // Who shares does not have the key alone.
    if (lease !== undefined && (lease.share === undefined || request.share !== undefined)) {
      return restore(Reentry.within(lease, work))
    }
  }
  if (isTraced(caller)) return traced(taker, request, work, refused, caller, restore)
  const taken = taker.take(request, caller, restore)
  if (taken instanceof Refusal) return instead(taken, refused, restore)
  if (isGuard(taken)) return guard(taken, request, work, caller, restore)
  return owning((own) =>
    Effect.flatMap(taken, (taken) =>
      taken instanceof Refusal
        ? instead(taken, refused, restore)
        : begin(own(taken), request, work, caller, restore)), false)
}

/** What comes of a refusal; an exit needs no region of its own. */
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
  owning((own) => {
    const isSeen = isTraced(caller)
    const taking = waitFor(taker, request, refused, caller, restore, own)
    return Effect.flatMap(
      isSeen ? waiting(taker, request, taking) : taking,
      (taken): Effect.Effect<Lease | A, never, Scope.Scope> =>
        taken instanceof Instead ? Exit.succeed(taken.value) : intoScope(taken, request, isSeen ? taker : undefined)
    )
  }, true)

/** Cheaper than to ask whether it is an effect. */
const isGuard = (taken: Guard | Effect.Effect<Taken, LockError>): taken is Guard =>
  (taken as Partial<Guard>).giveBack !== undefined

/** What is had instead of a lease. */
class Instead<A> {
  readonly value: A
  constructor(value: A) {
    this.value = value
  }
}

/** Owns a lease from the moment it is taken: it goes back if the effect does not come to its end, or always. */
const owning = <A, E, R>(
  run: (own: (lease: Guard) => Guard) => Effect.Effect<A, E, R>,
  keeps: boolean
): Effect.Effect<A, E, R> => {
  let owned: Guard | undefined
  return Effect.onExitPrimitive(
    run((lease) => owned = lease),
    (exit) => {
      if (exit._tag === "Failure" || !keeps) owned?.giveBack()
      return undefined
    },
    true
  )
}

/** The lease, or what comes of a refusal. */
const waitFor = <A, E, R>(
  taker: Taker,
  request: LockRequest,
  refused: Refused<A, E, R>,
  caller: Caller,
  restore: Restore,
  own: (lease: Guard) => Guard
): Effect.Effect<Guard | Instead<A>, E | LockError, R> => {
  const had = (taken: Taken): Effect.Effect<Guard | Instead<A>, E, R> =>
    taken instanceof Refusal
      ? Effect.map(restore(refused(taken)), (value) => new Instead(value))
      : Exit.succeed(own(taken))
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
    const scoped = Effect.as(Scope.addFinalizerExit(scope, () => giveBack(lease, request)), lease)
    if (tracing === undefined) return scoped
    return Effect.flatMap(Effect.makeSpan("Lock.hold", spanOptions(tracing, request)), (span) =>
      Effect.clockWith((clock: Clock.Clock) => {
        lease.whenEnded((exit) => {
          try {
            span.end(clock.currentTimeNanosUnsafe(), exit)
          } catch {
            // The end of the lease does not depend on who watches it.
          }
        })
        return scoped
      }))
  })

const giveBack = (lease: Guard, { awaitRelease }: LockRequest): Effect.Effect<void> => {
  const ending = lease.giveBack()
  return ending === undefined || !awaitRelease ? Effect.void : until(ending)
}

// -----------------------------------------------------------------------------
// Work under a lease
// -----------------------------------------------------------------------------

/** Work may not start after an interruption that came while its lease did, nor when the event loop was late for it. */
const begin = <A, E, R>(
  lease: Guard,
  request: LockRequest,
  work: Prepared<A, E, R>,
  caller: Caller,
  restore: Restore,
  context = caller.context
): Effect.Effect<A, E | LockError> =>
  Effect.flatMap(
    restore(Effect.void),
    () =>
      lease.isOver
        ? finish(lease, request, lease.settle<never, never>(Exit.interrupt(), caller))
        : guard(lease, request, work, caller, restore, context)
  )

/** So many sections may be nested in place; then the stack is left first. */
const deepest = 50
let depth = 0

/**
 * Runs work on a fiber of its own, because only so can losing the lease be an
 * error instead of an interruption. Work that needs no waiting is done when this
 * returns.
 */
const guard = <A, E, R>(
  lease: Guard,
  request: LockRequest,
  work: Prepared<A, E, R>,
  caller: Caller,
  restore: Restore,
  context = caller.context
): Effect.Effect<A, E | LockError> => {
  if (depth >= deepest) {
    return owning((own) => {
      own(lease)
      return Effect.flatMap(restore(Effect.yieldNow), () => guard(lease, request, work, caller, restore, context))
    }, false)
  }
  lease.outer = Reentry.around(caller)
  depth++
  Reentry.startUnder(lease)
  const fiber = fork(work, context, restore)
  depth--
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return finish(lease, request, lease.settle(exit, caller))
  Reentry.carry(fiber, lease)
  const settled = Effect.callback<Exit.Exit<A, E | LockError>>((resume) => {
    lease.watch(() => fiber.interruptUnsafe())
    fiber.addObserver((exit) => resume(Exit.succeed(lease.settle(exit, caller))))
  })
  if (restore === identity) {
    const ended = unmoved(fiber, settled, (exit) => lease.settle(exit, caller))
    return Effect.flatMap(ended, (exit) => finish(lease, request, exit))
  }
  return Effect.flatMap(
    Effect.onExitPrimitive(
      restore(settled),
      (exit) => exit._tag === "Success" ? undefined : interrupt(lease, fiber),
      true
    ),
    (exit) => finish(lease, request, exit)
  )
}

/** Work on a fiber of its own. A caller that may not be interrupted restores nothing, and passes that on. */
const fork = <A, E, R>(work: Effect.Effect<A, E, R>, context: Context.Context<never>, restore: Restore) =>
  Effect.runForkWith(context as Context.Context<R>)(work, restore === identity ? uninterruptible : undefined)

const uninterruptible = { uninterruptible: true } as const

const finish = <A, E>(lease: Guard, { awaitRelease }: LockRequest, exit: Exit.Exit<A, E>): Effect.Effect<A, E> => {
  const ending = lease.giveBack()
  return ending === undefined || !awaitRelease ? exit : Effect.andThen(until(ending), exit)
}

/** Whoever is interrupted waits for the work to end, and not for the store. */
const interrupt = <A, E>(lease: Guard, fiber: Fiber.Fiber<A, E>): Effect.Effect<void, E> =>
  Effect.flatMap(interrupted(fiber), (rest) => {
    lease.giveBack()
    return rest
  })

/** Interrupts work and waits for its end: what else it ended with must not be lost. */
const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<void, E>> =>
  Effect.map(Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber)), (exit) => {
    if (exit._tag === "Success") return Exit.void
    const reasons = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
    return reasons.length === 0 ? Exit.void : Exit.failCause(Cause.fromReasons<E>(reasons))
  })

/**
 * For a caller that may not be interrupted, whose work may open a region that may
 * be, as it could without a lock: an interruption reaches that region, and how
 * the work ends is the result.
 */
const unmoved = <A, E>(
  fiber: Fiber.Fiber<A, E>,
  settled: Effect.Effect<Exit.Exit<A, E | LockError>>,
  settle: (exit: Exit.Exit<A, E>) => Exit.Exit<A, E | LockError>
): Effect.Effect<Exit.Exit<A, E | LockError>> =>
  Effect.flatMap(Effect.exit(Effect.interruptible(settled)), (waited) => {
    if (waited._tag === "Success") return waited
    fiber.interruptUnsafe()
    return Effect.map(Fiber.await(fiber), settle)
  })

/** Runs work under leases that are had, and leaves them as they are. The first of them that is lost ends it. */
export const under = <A, E, R>(
  leases: ReadonlyArray<Guard>,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | LockError, R> =>
  Effect.uninterruptibleMask<A, E | LockError, R>((restore) => {
    const caller = Fiber.getCurrent()!
    const gone = () => leases.find((lease) => lease.isOver)
    const settle = (exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> => gone()?.judge(exit, caller) ?? exit
    if (gone() !== undefined) return settle(Exit.interrupt())
    const fiber = fork(work, caller.context, restore)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return settle(exit)
    const settled = Effect.callback<Exit.Exit<A, E | LockError>>((resume) => {
      const unwatch = leases.map((lease) => lease.whenGone(() => fiber.interruptUnsafe()))
      fiber.addObserver((exit) => {
        for (const end of unwatch) end()
        resume(Exit.succeed(settle(exit)))
      })
    })
    if (restore === identity) return Effect.flatten(unmoved(fiber, settled, settle))
    return Effect.flatten(Effect.onExitPrimitive(
      restore(settled),
      (exit) => exit._tag === "Success" ? undefined : Effect.flatten(interrupted(fiber)),
      true
    ))
  })

/** Gives leases back together, and waits for all at once. */
export const giveAllBack = (leases: ReadonlyArray<Guard>, { awaitRelease }: LockRequest): Effect.Effect<void> =>
  Effect.suspend(() => {
    const endings = leases.flatMap((lease) => lease.giveBack() ?? [])
    return awaitRelease ? Effect.forEach(endings, until, { concurrency: "unbounded", discard: true }) : Effect.void
  })

/** A lease that a backend made, of which more can be asked than of what looks like one. */
export const guardOf = (lease: Lease): Guard | undefined => isGuard(lease as Guard) ? lease as Guard : undefined

// -----------------------------------------------------------------------------
// Spans
// -----------------------------------------------------------------------------

/** Without a tracer and without a parent nobody could see a span. */
const isTraced = ({ cache }: Caller): boolean =>
  cache.tracerEnabled && (cache.tracer !== undefined || cache.span !== undefined)

const spanOptions = ({ name }: Taker, { key, owner }: LockRequest) => ({
  attributes: { "lock.backend": name, "lock.key": key, "lock.owner": owner }
})

/** The span of a wait. What a store in this process does has no spans to be put under it. */
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
  work: Prepared<A, E, R>,
  refused: Refused<A, E | LockError, R>,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | LockError, R> =>
  // Owned while it is waited for: even the end of a span may throw.
  owning((own) => {
    return Effect.flatMap(
      waiting(taker, request, waitFor(taker, request, refused, caller, restore, own)),
      (taken): Effect.Effect<A, E | LockError, R> =>
        taken instanceof Instead ? Exit.succeed(taken.value) : Effect.useSpan(
          "Lock.hold",
          spanOptions(taker, request),
          (span) =>
            begin(
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
