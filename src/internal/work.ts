/**
 * Runs work under a lease. It has a fiber of its own: only so can the loss of the lease be an error instead of an
 * interruption.
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

/** The owner of a lease and of the work under it. */
export class Owner {
  private lease: Guard | undefined = undefined
  /** The fiber that does the work, until it has ended. */
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
 * Owns a lease from the moment it is taken. The lease is given back if the effect does not succeed, or in any case
 * unless `keeps`; the work under it ends first.
 */
export const owning = <A, E, R>(
  run: (owner: Owner) => Effect.Effect<A, E, R>,
  keeps: boolean
): Effect.Effect<A, E, R> => {
  const owner = new Owner()
  return Effect.onExitPrimitive(
    run(owner),
    // Other failures of the work are of its own error type.
    (exit) => exit._tag === "Success" && keeps ? undefined : owner.giveBack() as Effect.Effect<void, E> | undefined,
    true
  )
}

// -----------------------------------------------------------------------------
// Under a lease that has been taken for it
// -----------------------------------------------------------------------------

/**
 * Does the work and gives the lease back. Acts when it is called; work that does not suspend is done when it
 * returns.
 */
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
 * The same, for an owner that takes the lease over now. Work must not start if an interruption arrived together
 * with the lease, or if the event loop was too late for it.
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
  // The check for an interruption and the start of the work are one step.
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

/** In an uninterruptible caller `restore` is `identity`, and the work is uninterruptible, too. */
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

/** Watches the lease while the work runs, and continues with the result. */
const whenEnded = <A, E, B, E2>(
  lease: Guard,
  fiber: Fiber.Fiber<A, E>,
  caller: Caller,
  then: (exit: Exit.Exit<A, E | LockError>) => Effect.Effect<B, E2>
): Effect.Effect<B, E2> => {
  // Not in the callback: an interrupted caller in an uninterruptible region would never run it.
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

/** An interrupted caller waits for the work to end, but not for the store. */
const interrupt = <A, E>(lease: Guard, fiber: Fiber.Fiber<A, E>): Effect.Effect<void, E> =>
  Effect.flatMap(interrupted(fiber), (rest) => {
    lease.giveBack()
    return rest
  })

/** Interrupts work and waits for its end, keeping what else it failed with. */
export const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<void, E>> =>
  Effect.map(Stack.interrupted(fiber), (exit) => {
    if (exit._tag === "Success") return Exit.void
    const reasons = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
    return reasons.length === 0 ? Exit.void : Exit.failCause(Cause.fromReasons<E>(reasons))
  })

/**
 * For an uninterruptible caller, whose work may open an interruptible region, as it could without a lock: an
 * interruption reaches that region, and the end of the work is the result.
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
// Under leases that are held already
// -----------------------------------------------------------------------------

/**
 * Does work, and does not give the leases back. The first that is lost ends the work; so does one
 * that is released, unless the leases are the work's own.
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
