/**
 * Under which lease the work on a fiber runs, so that it is noticed when it asks
 * for what it has. The fiber that a section runs its work on carries the lease;
 * the lease knows the section around it.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** A lease as far as it matters here. */
export interface Section {
  /** The backend that it is had from. */
  readonly home: object
  readonly key: string
  readonly isHeld: boolean
  /** It shares its key. */
  readonly share?: unknown
  /** The lease around it, if its holder is work under one. */
  outer: Section | undefined
}

const carried = Symbol("effect-lock/reentry")

type Carrier = Fiber.Fiber<unknown, unknown> & { [carried]?: Section | undefined }

/** Under which lease the next fiber starts. */
let starting: Section | undefined

/** Work for a fiber that is started at once, after {@link startUnder}; one value for all its runs. */
export const carrying = <A, E, R>(work: (lease: Section) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber<A, E, R>((fiber) => {
    const carrier = fiber as Carrier
    return work(carrier[carried] ??= starting!)
  })

/** The work that runs on the fiber runs under the lease; said at once to a fiber that may not have begun. */
export const carry = (fiber: Fiber.Fiber<unknown, unknown>, lease: Section): void => {
  ;(fiber as Carrier)[carried] = lease
}

/** The next fiber that starts is one of work under the lease. */
export const startUnder = (lease: Section): void => {
  starting = lease
}

/** Work that runs on a fiber of work under the lease already. */
export const within = <A, E, R>(lease: Section, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber<A, E, R>((fiber) => {
    const carrier = fiber as Carrier
    const { [carried]: innermost } = carrier
    carrier[carried] = lease
    return Effect.onExitPrimitive(
      work,
      () => {
        carrier[carried] = innermost
        return undefined
      },
      true
    )
  })

/** The lease that the work on a fiber runs under, the innermost. */
export const around = (fiber: Fiber.Fiber<unknown, unknown>): Section | undefined => (fiber as Carrier)[carried]

/** The lease of a key that what runs on the fiber is the work under. */
export const find = (fiber: Fiber.Fiber<unknown, unknown>, home: object, key: string): Section | undefined => {
  for (let section = around(fiber); section !== undefined; section = section.outer) {
    if (section.key === key && section.home === home && section.isHeld) return section
  }
  return undefined
}
