/** Something that ends by itself, such as a release that has been sent. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export interface Ending {
  /** Calls back when it has ended, immediately if it already has. */
  whenOver(then: () => void): void
}

/** Completes with `exit` when it has ended, or at once if the fiber is interrupted meanwhile: it goes on without us. */
export const until = <A, E>(ending: Ending, exit: Exit.Exit<A, E>): Effect.Effect<A, E> =>
  Effect.catchCause(
    Effect.interruptible(Effect.callback<A, E>((resume) => ending.whenOver(() => resume(exit)))),
    () => exit
  )

/** Waits for all of several. */
export const untilAll = (endings: ReadonlyArray<Ending>): Effect.Effect<void> =>
  until({
    whenOver: (then) => {
      let left = endings.length
      if (left === 0) then()
      for (const ending of endings) ending.whenOver(() => --left === 0 && then())
    }
  }, Exit.void)
