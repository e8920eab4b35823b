/**
 * The name of this tab or worker, and the Web Lock that says that it is there.
 *
 * A page that the tab has left may be kept frozen for a return to it (bfcache), and a hidden page
 * may be frozen. It then releases the lock itself, since browsers treat it differently, and
 * acquires one with another name when it resumes. The same applies if its lock was stolen.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { Tabs } from "./tabs.ts"

export interface Presence {
  /** The name of this tab or worker; undefined while it is away. */
  readonly tab: () => string | undefined
  /** The name, as soon as the tab is there. */
  readonly here: Effect.Effect<string>
  /** Whom to tell when the tab leaves and comes back. */
  readonly tell: (visitor: Visitor) => void
}

interface Visitor {
  /** For the others this tab is gone. */
  readonly left: () => void
  /** It is back, under another name. */
  readonly came: () => void
}

/** Calls back when this page is put away and when it resumes, until the returned function is called. */
const follow = (leave: () => void, comeBack: () => void): () => void => {
  const hide = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) leave()
  }
  const show = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) comeBack()
  }
  const page = typeof document === "undefined" ? undefined : document
  globalThis.addEventListener("pagehide", hide)
  globalThis.addEventListener("pageshow", show)
  page?.addEventListener("freeze", leave)
  page?.addEventListener("resume", comeBack)
  return () => {
    globalThis.removeEventListener("pagehide", hide)
    globalThis.removeEventListener("pageshow", show)
    page?.removeEventListener("freeze", leave)
    page?.removeEventListener("resume", comeBack)
  }
}

/** Ends with the scope, and with the tab. */
export const make = (tabs: Tabs): Effect.Effect<Presence, unknown, Scope.Scope> => {
  /** The current name, and how to leave. */
  let place: { readonly tab: string; readonly leave: () => void } | undefined
  let isClosed = false
  let isComing = false
  /** Runs until the lock is released. */
  let held: Promise<unknown> = Promise.resolve()
  let waiting: Array<(tab: string) => void> = []
  let visitor: Visitor = { left: constVoid, came: constVoid }
  let unfollow = constVoid

  const leave = (): void => {
    const before = place
    if (before === undefined) return
    place = undefined
    tabs.bury(before.tab)
    visitor.left()
    before.leave()
  }

  /** Rejects if Web Locks are denied. */
  const appear = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const tab = tabs.newName()
      held = navigator.locks.request(tabs.lockOf(tab), () =>
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

  const here = Effect.callback<string>((resume) => {
    if (place !== undefined) return resume(Effect.succeed(place.tab))
    const came = (tab: string) => resume(Effect.succeed(tab))
    waiting.push(came)
    return Effect.sync(() => {
      waiting = waiting.filter((other) => other !== came)
    })
  })

  return Effect.acquireRelease(
    Effect.callback<void, unknown>((resume) => {
      appear().then(() => {
        unfollow = follow(leave, comeBack)
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
      here,
      tell: (told: Visitor) => {
        visitor = told
      }
    })
  )
}
