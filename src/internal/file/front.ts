/**
 * The first waiter of a shared key, which does not fit, and so blocks all behind it. Its process
 * does not always show whether it is still there, so after some time its ticket is removed: a live
 * waiter writes it again, in its old place.
 */
import * as Directory from "./directory.ts"
import type { State } from "./state.ts"

/** How long it may block us before its ticket is removed, in microseconds. */
const patience = 10_000_000

export interface Front {
  /** A waiter of this process that cannot enter has seen who is first. */
  readonly mind: (path: string, first: State | undefined, token: string, at: number) => void
  /** Nobody blocks us. */
  readonly clear: (path: string) => void
}

export const make = (): Front => {
  const seen = new Map<string, { readonly name: string; readonly since: number }>()
  return {
    clear: (path) => void seen.delete(path),
    mind: (path, first, token, at) => {
      const before = seen.get(path)
      if (first === undefined || first.token === token) seen.delete(path)
      else if (before?.name !== first.name) seen.set(path, { name: first.name, since: at })
      else if (at - before.since > patience) {
        seen.delete(path)
        Directory.take(path, first.name)
      }
    }
  }
}
