/** Deleting rows that have not been used for a while, for as long as this store uses the table. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { BackendFailure } from "../../LockError.ts"
import { numberOf } from "./answers.ts"
import type { Freed } from "./freed.ts"
import type { Server } from "./server.ts"
import { sweptAtOnce } from "./statements/sweeping.ts"

/** How long after its last use a row is deleted. */
const sweepMillis = 70_000

export interface Sweeping {
  /** The table was used. */
  readonly later: () => void
}

export const make = ({ fork, look, now, statements }: Server, freed: Freed): Sweeping => {
  let sweeping = false
  let told = false
  let usedAt = 0

  /** A failure that no later attempt can change is logged, once. */
  const tell = (failure: BackendFailure): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (told || failure.retryable) return Effect.void
      told = true
      return Effect.logWarning(
        "Rows of locks that nobody wants any more cannot be removed, and the table grows",
        failure
      )
    })

  const sweep = Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(Duration.millis(sweepMillis * (1 + Math.random() * 0.3)))
      const sweptAt = now()
      const more = yield* look(
        "sweep",
        undefined,
        statements.sweep,
        [],
        (rows) => numberOf(rows[0]?.[0]) >= sweptAtOnce
      ).pipe(
        Effect.tapError(tell),
        Effect.orElseSucceed(() => true)
      )
      if (!more && sweptAt - usedAt > sweepMillis) break
    }
    sweeping = false
    freed.clear()
  })

  return {
    later: () => {
      usedAt = now()
      if (sweeping) return
      sweeping = true
      fork(sweep)
    }
  }
}
