/**
 * Work under a lease. It runs on a fiber of its own, because only so can losing the
 * lease be an error instead of an interruption.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import type { Lease } from "../Lease.ts"
import type { LockRequest } from "../LockConfig.ts"
import type { LockError } from "../LockError.ts"
import { until, untilAll } from "./ending.ts"
import type { Caller, Guard, Restore } from "./guard.ts"
import * as Reentry from "./reentry.ts"
import * as Stack from "./stack.ts"

type Work<A, E, R> = Reentry.Work<Lease, A, E, R>

/** Who owns a lease, and what is done under it. */
export class Owner {
  private lease: Guard | undefined = undefined
  /** What does the work, until that has ended. */
  worker: Fiber.Fiber<unknown, unknown> | undefined = undefined

  own(lease: Guard): Guard {
    return this.lease = lease
  }

  giveBack(): Effect.Effect<void, unknown> | undefined {
    const { lease, worker } = this
    if (worker !== undefined) return interrupt(lease!, worker)
    lease?.giveBack()
    return undefined
  }
}

/**
 * Owns a lease from the moment it is taken: it goes back if the effect does not come
 * to its end, or always; and before that, the work under it ends.
 */
export const owning = <A, E, R>(
  run: (owner: Owner) => Effect.Effect<A, E, R>,
  keeps: boolean
): Effect.Effect<A, E, R> => {
  const owner = new Owner()
  return Effect.onExitPrimitive(
    run(owner),
    // What else work ends with is of its own errors.
    (exit) => exit._tag === "Success" && keeps ? undefined : owner.giveBack() as Effect.Effect<void, E> | undefined,
    true
  )
}

// -----------------------------------------------------------------------------
// Under a lease that has been taken for it
// -----------------------------------------------------------------------------

/** Does the work, and gives the lease back. Acts when it is called; work that needs no waiting is done then. */
export const run = <A, E, R>(
  lease: Guard,
  request: LockRequest,
  work: Work<A, E, R>,
  caller: Caller,
  restore: Restore,
  context: Context.Context<never>
): Effect.Effect<A, E | LockError> => {
  if (Stack.isDeep()) return runLater(lease, request, work, caller, restore, context)
  const fiber = start(lease, work, caller, restore, context)
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return finish(lease, request, lease.settle(exit, caller))
  return awaitEnd(lease, request, fiber, caller, restore)
}

/** The same for a lease that was waited for. */
export const runLater = <A, E, R>(
  lease: Guard,
  request: LockRequest,
  work: Work<A, E, R>,
  caller: Caller,
  restore: Restore,
  context: Context.Context<never>
): Effect.Effect<A, E | LockError> =>
  owning((owner) => begin(owner, lease, request, work, caller, restore, context), false)

const awaitEnd = <A, E>(
  lease: Guard,
  request: LockRequest,
  fiber: Fiber.Fiber<A, E>,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | LockError> => {
  if (restore === identity) {
    const ended = unmoved(fiber, whenEnded(lease, fiber, caller, Exit.succeed), (exit) => lease.settle(exit, caller))
    return Effect.flatMap(ended, (exit) => finish(lease, request, exit))
  }
  let isBack = false
  const ended = whenEnded(lease, fiber, caller, (exit) => {
    isBack = true
    return finish(lease, request, exit)
  })
  return Effect.onExitPrimitive(restore(ended), () => isBack ? undefined : interrupt(lease, fiber), true)
}

/**
 * The same for one who owns the lease from now on. Work may not start after an interruption that
 * came while its lease did, nor when the event loop was late for it.
 */
export const begin = <A, E, R>(
  owner: Owner,
  lease: Guard,
  request: LockRequest,
  work: Work<A, E, R>,
  caller: Caller,
  restore: Restore,
  context: Context.Context<never>
): Effect.Effect<A, E | LockError> => {
  owner.own(lease)
  if (restore === identity) {
    return Stack.inTurn(() =>
      lease.isOver
        ? finish(lease, request, lease.settle(Exit.interrupt(), caller))
        : run(lease, request, work, caller, restore, context)
    )
  }
  // Whether we are interrupted is asked, and the work started, in one step.
  const ended = Stack.inTurn((): Effect.Effect<Exit.Exit<A, E | LockError>> => {
    if (lease.isOver) return Exit.succeed(lease.settle<A, E>(Exit.interrupt(), caller))
    const fiber = start(lease, work, caller, restore, context)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return Exit.succeed(lease.settle(exit, caller))
    owner.worker = fiber
    return whenEnded(lease, fiber, caller, Exit.succeed)
  })
  return Effect.flatMap(restore(ended), (exit) => {
    owner.worker = undefined
    return finish(lease, request, exit)
  })
}

/** A caller that may not be interrupted restores nothing, and passes that on. */
const start = <L extends Guard | ReadonlyArray<Guard>, A, E, R>(
  under: L,
  work: Reentry.Work<L, A, E, R>,
  caller: Caller,
  restore: Restore,
  context: Context.Context<never>
): Fiber.Fiber<A, E> => {
  Stack.enter()
  try {
    return Reentry.start(under, work, caller, context, restore !== identity)
  } finally {
    Stack.leave()
  }
}

/** Watches the lease from now on, for as long as the work takes, and goes on with how that has ended. */
const whenEnded = <A, E, B, E2>(
  lease: Guard,
  fiber: Fiber.Fiber<A, E>,
  caller: Caller,
  then: (exit: Exit.Exit<A, E | LockError>) => Effect.Effect<B, E2>
): Effect.Effect<B, E2> => {
  // At once: a caller that has been interrupted, and may not be, never comes to wait for the end.
  lease.watch(() => fiber.interruptUnsafe())
  return Effect.callback((resume) => {
    fiber.addObserver((exit) => {
      Stack.resumeWith(resume, then(lease.settle(exit, caller)))
    })
  })
}

const finish = <A, E>(lease: Guard, { awaitRelease }: LockRequest, exit: Exit.Exit<A, E>): Effect.Effect<A, E> => {
  const ending = lease.giveBack()
  return ending === undefined || !awaitRelease ? exit : until(ending, exit)
}

/** Whoever is interrupted waits for the work to end, and not for the store. */
const interrupt = <A, E>(lease: Guard, fiber: Fiber.Fiber<A, E>): Effect.Effect<void, E> =>
  Effect.flatMap(interrupted(fiber), (rest) => {
    lease.giveBack()
    return rest
  })

/** Interrupts work and waits for its end: what else it ended with must not be lost. */
export const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<void, E>> =>
  Effect.map(Stack.interrupted(fiber), (exit) => {
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
    return waited._tag === "Success" ? waited : Effect.map(Stack.interrupted(fiber), settle)
  })

// -----------------------------------------------------------------------------
// Under leases that are had
// -----------------------------------------------------------------------------

/**
 * Does work, and leaves the leases as they are. The first of them that is lost ends it; so does one
 * that is given back, unless they are the work's own.
 */
export const under = <A, E, R>(
  leases: ReadonlyArray<Guard>,
  work: Effect.Effect<A, E, R>,
  isOwn = false
): Effect.Effect<A, E | LockError, R> =>
  Effect.uninterruptibleMask<A, E | LockError, R>((restore) => {
    const caller = Fiber.getCurrent()!
    const gone = () => leases.find((lease) => isOwn ? lease.isLost : lease.isOver)
    const settle = (exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> => gone()?.judge(exit, caller) ?? exit
    if (gone() !== undefined) return settle(Exit.interrupt())
    const fiber = start(leases, work, caller, restore, caller.context)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return settle(exit)
    const settled = Effect.callback<Exit.Exit<A, E | LockError>>((resume) => {
      const end = () => {
        if (gone() !== undefined) fiber.interruptUnsafe()
      }
      const unwatch = leases.map((lease) => lease.whenGone(end))
      fiber.addObserver((exit) => {
        for (const end of unwatch) end()
        Stack.resumeWith(resume, Exit.succeed(settle(exit)))
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
    return awaitRelease ? untilAll(endings) : Effect.void
  })
