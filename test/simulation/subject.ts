/** What is simulated. All that the simulator knows of the inside of the engine is here. */
import { type Context, Effect } from "effect"
import type { Lock, LockBackend, LockStore } from "effect-lock"
import { Engine } from "../../src/internal/engine/engine.ts"
import type { Guard } from "../../src/internal/guard.ts"
import * as Section from "../../src/internal/section.ts"
import { withShortcuts } from "../../src/internal/shortcuts.ts"

export interface Subject {
  readonly backend: LockBackend.LockBackend["Service"]
  readonly close: Effect.Effect<void>
  /** How much there is of what should be gone when nobody holds or waits. */
  readonly residue: () => Readonly<Record<string, number>>
}

export const makeSubject = (store: LockStore.LockStore, context: Context.Context<never>): Subject => {
  const engine = new Engine(store, context)
  return { backend: Section.make(engine), close: engine.close, residue: () => engine.residue }
}

/** What the store knows a lease by. */
export const tokenOf = (lease: Lock.Lease): string => (lease as Guard).token

/** The same store, as that of a client which calls back. `often` says how many times a call is settled, and may throw. */
export const callingBack = (
  store: LockStore.LockStore,
  context: Context.Context<never>,
  often: () => number
): LockStore.LockStore => {
  const fork = Effect.runForkWith(context)
  const { exchange } = store
  return withShortcuts(store, {
    callbacks: {
      tryAcquire: (claim, call) => {
        const times = often()
        fork(store.tryAcquire(claim)).addObserver((exit) => {
          for (let i = 0; i < times; i++) call.settle(exit)
        })
      },
      release: (key, token, call) => {
        const times = often()
        fork(store.release(key, token)).addObserver((exit) => {
          for (let i = 0; i < times; i++) call.settle(exit)
        })
      },
      ...(exchange !== undefined && {
        exchange: (token, claim, call) => {
          const times = often()
          fork(exchange(token, claim)).addObserver((exit) => {
            for (let i = 0; i < times; i++) call.settle(exit)
          })
        }
      })
    }
  })
}
