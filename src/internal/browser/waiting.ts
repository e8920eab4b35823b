/**
 * The waiters of this tab, and the tabs whose end may let them in. A notified waiter claims by
 * itself, unless it is notified of a grant.
 */
import type { Grant } from "../../LockStore.ts"
import type { Presence } from "./presence.ts"
import { nobody } from "./record.ts"
import type { Tabs } from "./tabs.ts"

export interface Listener {
  readonly key: string
  readonly notify: (grant: Grant | undefined) => void
  /** The lease that it wants. */
  expires: number
  outlives: boolean
  /** The tabs whose end it waits for, and how to stop that. */
  readonly watched: Map<string, () => void>
}

export interface Waiting {
  readonly add: (key: string, token: string, notify: Listener["notify"]) => void
  readonly remove: (token: string) => void
  readonly of: (token: string) => Listener | undefined
  /** Notifies a listener when one of these tabs is gone, and of no others. */
  readonly watchOnly: (listener: Listener, tabs: ReadonlyArray<string>) => void
  /** Also notifies all waiters of the key when this tab is gone. */
  readonly watch: (key: string, tab: string) => void
  /** Until they are notified, no tab is watched. */
  readonly rest: () => void
  readonly tellAll: () => void
}

export const make = (presence: Presence, tabs: Tabs): Waiting => {
  const listeners = new Map<string, Listener>()

  const watchOne = ({ notify, watched }: Listener, tab: string): void => {
    if (tab === presence.tab() || tab === nobody || watched.has(tab)) return
    watched.set(tab, tabs.watch(tab, () => notify(undefined)))
  }

  const unwatch = ({ watched }: Listener, except: ReadonlyArray<string> = []): void => {
    for (const [tab, end] of watched) {
      if (except.includes(tab)) continue
      watched.delete(tab)
      end()
    }
  }

  return {
    add: (key, token, notify) =>
      void listeners.set(token, { key, notify, expires: 0, outlives: false, watched: new Map() }),
    remove: (token) => {
      const listener = listeners.get(token)
      listeners.delete(token)
      if (listener !== undefined) unwatch(listener)
    },
    of: (token) => listeners.get(token),
    watchOnly: (listener, those) => {
      for (const tab of those) watchOne(listener, tab)
      unwatch(listener, those)
    },
    watch: (key, tab) => {
      for (const listener of listeners.values()) if (listener.key === key) watchOne(listener, tab)
    },
    rest: () => {
      for (const listener of listeners.values()) unwatch(listener)
    },
    tellAll: () => {
      for (const { notify } of listeners.values()) notify(undefined)
    }
  }
}
