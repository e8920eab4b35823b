/** Something that ends by itself, such as a release that is on its way. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export interface Ending {
  /** Calls back then, or at once if it is over. */
  whenOver(then: () => void): void
}

/** What is to come of it all, when it is over, or at once if we are interrupted meanwhile: it goes on without us. */
export const until = <A, E>(ending: Ending, exit: Exit.Exit<A, E>): Effect.Effect<A, E> =>
  Effect.catchCause(
    Effect.interruptible(Effect.callback<A, E>((resume) => ending.whenOver(() => resume(exit)))),
    () => exit
  )

/** The same for all of several. */
export const untilAll = (endings: ReadonlyArray<Ending>): Effect.Effect<void> =>
  until({
    whenOver: (then) => {
      let left = endings.length
      if (left === 0) then()
      for (const ending of endings) ending.whenOver(() => --left === 0 && then())
    }
  }, Exit.void)
