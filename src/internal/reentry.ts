/**
 * Under which lease the work on a fiber runs, so that it is noticed when it asks
 * for what it has. The fiber that a section runs its work on carries the lease;
 * the lease knows the section around it.
 */
import type * as Fiber from "effect/Fiber"

/** A lease as far as it matters here. */
export interface Section {
  /** The backend that it is had from. */
  readonly home: object
  readonly key: string
  readonly isHeld: boolean
  /** The lease around it, if its holder is work under one. */
  outer: Section | undefined
}

const carried = Symbol("effect-lock/reentry")

type Carrier = Fiber.Fiber<unknown, unknown> & { [carried]?: Section }

/** The work that runs on the fiber runs under the lease. */
export const carry = (fiber: Fiber.Fiber<unknown, unknown>, lease: Section): void => {
  ;(fiber as Carrier)[carried] = lease
}

/** The lease that the work on a fiber runs under, the innermost. */
export const around = (fiber: Fiber.Fiber<unknown, unknown>): Section | undefined => (fiber as Carrier)[carried]

/** Whether what runs on the fiber is the work under the lease, or a section within it. */
export const isWorkUnder = (fiber: Fiber.Fiber<unknown, unknown>, lease: Section): boolean => {
  for (let section = around(fiber); section !== undefined; section = section.outer) {
    if (section === lease) return section.isHeld
  }
  return false
}

/** The lease of a key that what runs on the fiber is the work under. */
export const find = (fiber: Fiber.Fiber<unknown, unknown>, home: object, key: string): Section | undefined => {
  for (let section = around(fiber); section !== undefined; section = section.outer) {
    if (section.key === key && section.home === home && section.isHeld) return section
  }
  return undefined
}
