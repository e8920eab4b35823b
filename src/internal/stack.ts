/**
 * Bounds the stack: starting, ending or interrupting work does the same synchronously with the locks nested in it
 * or around it, however many there are.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** The deepest nesting of synchronous calls. */
const deepest = 50
let depth = 0

export const isDeep = (): boolean => depth >= deepest

/** Begins a synchronous call, which ends with `leave`. */
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

/** Runs `then` synchronously, or in the next turn if the stack is deep. */
export const inTurn = <A, E, R>(then: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  isDeep() ? Effect.flatMap(Effect.yieldNow, then) : Effect.suspend(then)

/** Resumes a fiber that waits for an end. */
export const resumeWith = <A, E>(
  resume: (effect: Effect.Effect<A, E>) => void,
  effect: Effect.Effect<A, E>
): void => isDeep() ? resume(Effect.andThen(Effect.yieldNow, effect)) : within(() => resume(effect))

/** Interrupts a fiber and returns its exit. */
export const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.withFiber(({ id }) =>
    inTurn(() => {
      within(() => fiber.interruptUnsafe(id))
      return Effect.callback((resume) => {
        fiber.addObserver((exit) => resumeWith(resume, Exit.succeed(exit)))
      })
    })
  )
