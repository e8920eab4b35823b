/**
 * Work that starts, ends or is interrupted makes nested or surrounding work do the same
 * synchronously. This bounds the depth of the stack, however many locks are nested.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** The most nested calls. */
const deepest = 50
let depth = 0

export const isDeep = (): boolean => depth >= deepest

/** Enters a nested call, until `leave`. */
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

/** Runs it now, or in the next turn. */
export const inTurn = <A, E, R>(then: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  isDeep() ? Effect.flatMap(Effect.yieldNow, then) : Effect.suspend(then)

/** Resumes whoever waits for an end. */
export const resumeWith = <A, E>(
  resume: (effect: Effect.Effect<A, E>) => void,
  effect: Effect.Effect<A, E>
): void => isDeep() ? resume(Effect.andThen(Effect.yieldNow, effect)) : within(() => resume(effect))

/** Interrupts a fiber, and returns its exit. */
export const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.withFiber(({ id }) =>
    inTurn(() => {
      within(() => fiber.interruptUnsafe(id))
      return Effect.callback((resume) => {
        fiber.addObserver((exit) => resumeWith(resume, Exit.succeed(exit)))
      })
    })
  )
