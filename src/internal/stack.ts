/**
 * Work that starts, ends or is interrupted has other work do so in place: that of the
 * locks within, or around it. However many are nested, the stack is left in time.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** So many may be on the stack. */
const deepest = 50
let depth = 0

export const isDeep = (): boolean => depth >= deepest

/** Something is called in place, until `leave`. */
export const enter = (): void => {
  depth++
}

export const leave = (): void => {
  depth--
}

const within = <A>(call: () => A): A => {
  enter()
  try {
    return call()
  } finally {
    leave()
  }
}

/** In place, or in the next turn. */
export const inTurn = <A, E, R>(then: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  isDeep() ? Effect.flatMap(Effect.yieldNow, then) : Effect.suspend(then)

/** Whoever waits for an end goes on. */
export const resumeWith = <A, E>(
  resume: (effect: Effect.Effect<A, E>) => void,
  effect: Effect.Effect<A, E>
): void => isDeep() ? resume(Effect.andThen(Effect.yieldNow, effect)) : within(() => resume(effect))

/** Interrupts a fiber, and tells how it ended. */
export const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.withFiber(({ id }) =>
    inTurn(() => {
      within(() => fiber.interruptUnsafe(id))
      return Effect.callback((resume) => {
        fiber.addObserver((exit) => resumeWith(resume, Exit.succeed(exit)))
      })
    })
  )
