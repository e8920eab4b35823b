/**
 * Which tabs and workers there are: each holds a Web Lock of its own for as long
 * as it lives. The browser lets go of it when the tab is closed, crashes or goes
 * to another page, so that who gets it knows that the tab is no more. Names are
 * random and never come back.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Presence {
  /** The name of this tab, or worker. */
  readonly tab: string
  /** Calls back once, when the tab is gone; its result ends the watch. */
  readonly watch: (tab: string, onGone: () => void) => () => void
  /** Those that are gone. */
  readonly gone: (tabs: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>
}

/** Ends with the scope, and with the tab. */
export const make = (name: string): Effect.Effect<Presence, unknown, Scope.Scope> => {
  const lockOf = (tab: string) => `${name}:tab:${tab}`
  const { locks } = navigator

  const appear = Effect.callback<{ readonly tab: string; readonly leave: () => Promise<void> }, unknown>((resume) => {
    const tab = crypto.randomUUID()
    let leave!: () => void
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    const held = locks.request(lockOf(tab), () => {
      resume(Effect.succeed({
        tab,
        leave: () => {
          leave()
          return held
        }
      }))
      return left
    })
    held.catch((cause: unknown) => resume(Effect.fail(cause)))
  })

  return Effect.acquireRelease(appear, ({ leave }) => Effect.ignore(Effect.tryPromise(leave))).pipe(
    Effect.map(({ tab }) => ({
      tab,
      watch: (other, onGone) => {
        const watch = new AbortController()
        locks.request(lockOf(other), { mode: "shared", signal: watch.signal }, () => {
          if (!watch.signal.aborted) onGone()
        }).catch(() => {
          // The watch has ended.
        })
        return () => watch.abort()
      },
      gone: async (tabs) => {
        const { held = [] } = await locks.query()
        const there = new Set(held.map(({ name }) => name))
        return tabs.filter((tab) => !there.has(lockOf(tab)))
      }
    }))
  )
}
