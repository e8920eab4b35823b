/**
 * Which tabs and workers are alive: each holds its own Web Lock for as long as it lives. The
 * browser releases it when the tab is closed, crashes or goes to another page, so whoever acquires
 * it knows that the tab is gone. Names are random and never reused.
 *
 * A page that the tab has left may be kept frozen for a return to it (bfcache), and a hidden page
 * may be frozen. It then releases the lock itself, since browsers treat it differently, and
 * acquires one with another name when it resumes. The same applies if its lock was stolen.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"

export interface Presence {
  /** The name of this tab or worker; undefined while it is away. */
  readonly tab: () => string | undefined
  /** The name, as soon as the tab is there. */
  readonly here: Effect.Effect<string>
  /** Whether a tab is known to be gone. */
  readonly isGone: (tab: string) => boolean
  /** Calls back once, when the tab is gone, until the returned function is called. */
  readonly watch: (tab: string, onGone: () => void) => () => void
  /** Finds out which of these are gone, and returns whether any is. */
  readonly find: (tabs: ReadonlyArray<string>) => Promise<boolean>
  /** The callbacks of a watched tab. */
  readonly tell: (visitor: Visitor) => void
}

interface Visitor {
  /** For the others this tab is gone. */
  readonly left: () => void
  /** It is back, under another name. */
  readonly came: () => void
}

/** The most dead tabs that are remembered; others are looked up again. */
const mostGone = 1_000

/** Ends with the scope, and with the tab. Nothing is known of tabs with another home. */
export const make = (name: string, home: string): Effect.Effect<Presence, unknown, Scope.Scope> => {
  const lockOf = (tab: string) => `${name}:tab:${tab}`
  const isAtHome = (tab: string) => tab.startsWith(`${home}:`)
  const { locks } = navigator

  /** The current name, and how to leave. */
  let place: { readonly tab: string; readonly leave: () => void } | undefined
  let isClosed = false
  let isComing = false
  /** Runs until the lock is released. */
  let held: Promise<unknown> = Promise.resolve()
  let waiting: Array<(tab: string) => void> = []
  let visitor: Visitor = { left: constVoid, came: constVoid }
  const gone = new Set<string>()

  const bury = (tab: string): void => {
    if (gone.size >= mostGone) gone.clear()
    gone.add(tab)
  }

  const leave = (): void => {
    const before = place
    if (before === undefined) return
    place = undefined
    bury(before.tab)
    visitor.left()
    before.leave()
  }

  /** Rejects if Web Locks are denied. */
  const appear = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const tab = `${home}:${crypto.randomUUID()}`
      held = locks.request(lockOf(tab), () =>
        new Promise<void>((end) => {
          place = { tab, leave: end }
          for (const resume of waiting) resume(tab)
          waiting = []
          resolve()
          if (isClosed) end()
        })).catch((cause: unknown) => {
          // Somebody has stolen it.
          if (place?.tab === tab) {
            leave()
            comeBack()
          }
          reject(cause)
        })
    })

  const comeBack = (): void => {
    if (place !== undefined || isComing || isClosed) return
    isComing = true
    appear().then(() => {
      if (!isClosed) visitor.came()
    }, () => {}).finally(() => {
      isComing = false
    })
  }

  const hide = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) leave()
  }
  const show = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) comeBack()
  }
  const page = typeof document === "undefined" ? undefined : document

  const follow = (): void => {
    globalThis.addEventListener("pagehide", hide)
    globalThis.addEventListener("pageshow", show)
    page?.addEventListener("freeze", leave)
    page?.addEventListener("resume", comeBack)
  }

  const unfollow = (): void => {
    globalThis.removeEventListener("pagehide", hide)
    globalThis.removeEventListener("pageshow", show)
    page?.removeEventListener("freeze", leave)
    page?.removeEventListener("resume", comeBack)
  }

  return Effect.acquireRelease(
    Effect.callback<void, unknown>((resume) => {
      appear().then(() => {
        follow()
        resume(Effect.void)
      }, (cause: unknown) => resume(Effect.fail(cause)))
    }),
    () =>
      Effect.promise(() => {
        isClosed = true
        unfollow()
        place?.leave()
        return held
      })
  ).pipe(
    Effect.as({
      tab: () => place?.tab,
      here: Effect.callback((resume) => {
        if (place !== undefined) return resume(Effect.succeed(place.tab))
        const came = (tab: string) => resume(Effect.succeed(tab))
        waiting.push(came)
        return Effect.sync(() => {
          waiting = waiting.filter((other) => other !== came)
        })
      }),
      isGone: (other) => gone.has(other),
      watch: (other, onGone) => {
        if (!isAtHome(other)) return constVoid
        const watch = new AbortController()
        locks.request(lockOf(other), { mode: "shared", signal: watch.signal }, () => {
          if (watch.signal.aborted) return
          bury(other)
          onGone()
        }).catch(() => {
          // The watch has ended.
        })
        return () => watch.abort()
      },
      find: async (tabs) => {
        const { held = [] } = await locks.query()
        const there = new Set(held.map(({ name }) => name))
        const found = tabs.filter((tab) => isAtHome(tab) && !there.has(lockOf(tab)))
        for (const tab of found) bury(tab)
        return found.length > 0
      },
      tell: (told) => {
        visitor = told
      }
    })
  )
}
