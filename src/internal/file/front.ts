/**
 * The one who waits in front of us for a key that is shared, does not fit, and so
 * holds up all behind it. Whether it is there cannot always be told by its process,
 * so after some time its ticket is torn: one that is there writes it again, in its place.
 */
import * as Directory from "./directory.ts"
import type { State } from "./state.ts"

/** How long it may hold us up before it is asked, in microseconds. */
const patience = 10_000_000

export interface Front {
  /** One of us, who is not let in, has seen who is first. */
  readonly mind: (path: string, first: State | undefined, token: string, at: number) => void
  /** Nobody holds us up. */
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
