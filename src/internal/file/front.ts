/**
 * The first waiter of a shared key, which does not fit, and so blocks all behind it. Its process
 * does not always show whether it is still there, so after some time its ticket is removed: a live
 * waiter writes it again, in its old place.
 */
import { type Expiring, ExpiringMap } from "../expiringMap.ts"
import * as Directory from "./directory.ts"
import type { State } from "./state.ts"

/** How long it may block us before its ticket is removed, in microseconds. */
const patience = 10_000_000

export interface Front {
  /** A claim of this process that is refused, whether or not it waits, has seen who is first. */
  readonly mind: (path: string, first: State | undefined, token: string, at: number) => void
  /** Nobody blocks us. */
  readonly clear: (path: string) => void
}

/** Claims that do not wait may never come back. What they have seen is of no interest after this long, in milliseconds. */
const rememberedMillis = 60_000

interface First extends Expiring {
  readonly name: string
  readonly since: number
}

export const make = (): Front => {
  const seen = new ExpiringMap<First>()
  return {
    clear: (path) => void seen.delete(path),
    mind: (path, first, token, at) => {
      const before = seen.get(path)
      if (first === undefined || first.token === token) seen.delete(path)
      else if (before?.name !== first.name) {
        const endsAt = at / 1000 + rememberedMillis
        seen.set(path, { name: first.name, since: at, endsAt }, at / 1000)
      } else if (at - before.since > patience) {
        seen.delete(path)
        Directory.take(path, first.name)
      }
    }
  }
}
