/**
 * Which tabs and workers there are: each holds a Web Lock of its own for as long
 * as it lives. The browser lets go of it when the tab is closed, crashes or goes
 * to another page, so that who gets it knows that the tab is no more. Names are
 * random and never come back.
 *
 * A page that its tab has left may be kept, frozen, for when the tab goes back, and
 * one that is hidden may be frozen where it is. It lets go of the lock itself then,
 * since browsers do not agree on what becomes of it, and takes one of another name
 * when it is back. The same goes for one whose lock was stolen.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"

export interface Presence {
  /** The name of this tab, or worker, since it has come; undefined while it is away. */
  readonly tab: () => string | undefined
  /** The same, when it is there. */
  readonly here: Effect.Effect<string>
  /** Whether a tab is known to be gone. */
  readonly isGone: (tab: string) => boolean
  /** Calls back once, when the tab is gone; its result ends the watch. */
  readonly watch: (tab: string, onGone: () => void) => () => void
  /** Finds out which of these are gone: whether any is. */
  readonly find: (tabs: ReadonlyArray<string>) => Promise<boolean>
  /** Who is told from now on. */
  readonly tell: (visitor: Visitor) => void
}

interface Visitor {
  /** Others think that this tab is no more. */
  readonly left: () => void
  /** It is there again, under another name. */
  readonly came: () => void
}

/** More tabs than this that are gone are not remembered: who asks again finds out again. */
const mostGone = 1_000

/** Ends with the scope, and with the tab. Of those that have another home nothing is known. */
export const make = (name: string, home: string): Effect.Effect<Presence, unknown, Scope.Scope> => {
  const lockOf = (tab: string) => `${name}:tab:${tab}`
  const isAtHome = (tab: string) => tab.startsWith(`${home}:`)
  const { locks } = navigator

  /** Under which name it is there, and how to go. */
  let place: { readonly tab: string; readonly leave: () => void } | undefined
  let isClosed = false
  let isComing = false
  /** Until the lock is let go of. */
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

  /** Its result rejects where Web Locks are refused. */
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
