/**
 * Runs the operations on a key one after the other; an unused key is forgotten.
 *
 * A write cannot be cancelled, so an interrupted caller returns, but its operation goes on, and the
 * next one waits for it.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"

interface Gate {
  readonly semaphore: Semaphore.Semaphore
  users: number
}

export class Serial {
  private readonly gates = new Map<string, Gate>()

  run<A, E>(key: string, operation: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const gate = this.gates.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
      this.gates.set(key, gate)
      gate.users++
      const leave = Effect.sync(() => {
        if (--gate.users === 0) this.gates.delete(key)
      })
      return Effect.flatMap(
        Effect.forkDetach(Effect.ensuring(gate.semaphore.withPermit(operation), leave), { startImmediately: true }),
        Fiber.join
      )
    })
  }
}
