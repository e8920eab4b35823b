/**
 * The leases that work runs under, so that a call for a key that is already held is noticed. The
 * context of the work has the innermost one, also for whatever it starts, concurrently or under a
 * timeout.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { constUndefined } from "effect/Function"
import type { Share } from "../LockStore.ts"

/** The part of a lease that matters here. */
export interface Had {
  /** Its backend. */
  readonly home: object
  readonly key: string
  readonly isHeld: boolean
  /** How it is shared, if it is. */
  readonly share?: Share | undefined
}

type AnyFiber = Fiber.Fiber<unknown, unknown>

type AnyWork = Effect.Effect<unknown, unknown> | ((had: never) => Effect.Effect<unknown, unknown>)

/** Work under a lease, or several. */
export class Section {
  /** The fiber of the call. */
  readonly caller: AnyFiber
  /** The fiber that runs the work. */
  worker: AnyFiber | undefined = undefined
  private readonly had: Had | ReadonlyArray<Had>
  private work: AnyWork | undefined

  constructor(had: Had | ReadonlyArray<Had>, work: AnyWork, caller: AnyFiber) {
    this.had = had
    this.work = work
    this.caller = caller
  }

  /** The lease of a key, while it is held. */
  leaseOf(home: object, key: string): Had | undefined {
    const { had } = this
    const isIt = (lease: Had) => lease.key === key && lease.home === home && lease.isHeld
    if (Array.isArray(had)) return had.find(isIt)
    return isIt(had as Had) ? had as Had : undefined
  }

  /** The effect for the fiber that runs the work. */
  begin(fiber: AnyFiber): Effect.Effect<unknown, unknown> {
    this.worker = fiber
    const work = this.work!
    this.work = undefined
    return isFunction(work) ? work(this.had as never) : work
  }
}

const Innermost = Context.Reference<Section | undefined>("effect-lock/Section", { defaultValue: constUndefined })

const around = ({ context }: AnyFiber): Section | undefined => Context.get(context, Innermost)

/** Whether this is the context of work under a lease. */
export const isWork = (context: Context.Context<never>): boolean => Context.get(context, Innermost) !== undefined

/** The effect, or the result of the function. */
export type Work<L, A, E, R> = Effect.Effect<A, E, R> | ((had: L) => Effect.Effect<A, E, R>)

/** A service key is both a function and an effect: as work it is an effect. */
export const isFunction = <L, A, E, R>(work: Work<L, A, E, R>): work is (had: L) => Effect.Effect<A, E, R> =>
  typeof work === "function" && !Effect.isEffect(work)

/** One effect for all work, which looks up what to run. */
const begin = Effect.withFiber<unknown, unknown>((fiber) => around(fiber)!.begin(fiber))

const uninterruptible = { uninterruptible: true } as const

/** Runs work on its own fiber. Synchronous work is done when this returns. */
export const start = <L extends Had | ReadonlyArray<Had>, A, E, R>(
  under: L,
  work: Work<L, A, E, R>,
  caller: AnyFiber,
  context: Context.Context<never>,
  isInterruptible: boolean
): Fiber.Fiber<A, E> => {
  const section = new Section(under, work as AnyWork, caller)
  const run = Effect.runForkWith(Context.addUnsafe(context, Innermost.key, section))
  return run(begin, isInterruptible ? undefined : uninterruptible) as Fiber.Fiber<A, E>
}

/** The lease of a key that the fiber's work was started under, if it is still held. */
export const find = (
  fiber: AnyFiber,
  home: object,
  key: string
): { readonly lease: Had; readonly section: Section } | undefined => {
  for (let section = around(fiber); section !== undefined; section = around(section.caller)) {
    const lease = section.leaseOf(home, key)
    if (lease !== undefined) return { lease, section }
  }
  return undefined
}

/**
 * The parent of a fiber, which interrupts it when it ends. Effect has no API for that, and detached
 * fibers have the services of their creator, too, so this reads a field of the fiber. If it is
 * missing, children are treated like any other fiber.
 */
const parentOf = (fiber: object): AnyFiber | undefined => {
  const parent = "_parent" in fiber ? fiber._parent : undefined
  return Fiber.isFiber(parent) ? parent : undefined
}

/**
 * Whether the section cannot end before the fiber has done what it is about to do: since the fiber is
 * the work itself, or that of a section within (`"itself"`), or a child, which would end with it.
 * Nobody knows whether the work waits for any other fiber.
 */
export const partOf = (fiber: AnyFiber, section: Section): "itself" | "child" | undefined => {
  let part: "itself" | "child" = "itself"
  let at: AnyFiber | undefined = fiber
  while (at !== undefined && at !== section.worker) {
    const inner = around(at)
    if (inner?.worker === at) at = inner.caller
    else {
      part = "child"
      at = parentOf(at)
    }
  }
  return at === undefined ? undefined : part
}
