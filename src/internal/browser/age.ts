/**
 * How long a lease of another tab lasts, without a common clock.
 *
 * The wall clock is common, and is set, and leaps when the host wakes up. The
 * monotonic clock of a tab does neither, but begins with the tab. So a lease is
 * stamped by both, and is as old as the *smaller* of the two differences says:
 * after a leap of the wall clock the other one counts, and of tabs that were
 * opened before and after a leap the wall clock. That is enough where the tab
 * was there when the lease began. Of an older lease it knows what it has seen
 * itself, which also bounds what a clock that was set back could add.
 */

/**
 * A moment by both clocks. `steady` is the wall clock at the start of the tab plus the monotonic
 * time since.
 */
export interface Stamp {
  readonly wall: number
  readonly steady: number
}

export interface Ages {
  readonly stamp: () => Stamp
  /**
   * The least possible age of the lease of a token; `stamp` says when it began, and `lease` how
   * long it is.
   */
  readonly of: (key: string, token: string, stamp: Stamp, lease: number) => number
  /** These are the only holders and waiters of the key. */
  readonly keep: (key: string, tokens: ReadonlySet<string>) => void
  /** The number of keys that are remembered. */
  readonly size: () => number
}

interface Seen extends Stamp {
  readonly at: number
  readonly until: number
}

/** Below this many keys nothing is forgotten. */
const smallestSweep = 64

export const make = (wallMillis: () => number, monotonicMillis: () => number): Ages => {
  const start: Stamp = { wall: wallMillis(), steady: monotonicMillis() }
  /** When a lease was first seen, and when that can be forgotten. */
  const seen = new Map<string, Map<string, Seen>>()
  let sweepAt = smallestSweep

  const stamp = (): Stamp => ({ wall: wallMillis(), steady: start.wall + monotonicMillis() - start.steady })

  const sweep = (at: number): void => {
    for (const [key, those] of seen) {
      for (const [token, { until }] of those) if (until < at) those.delete(token)
      if (those.size === 0) seen.delete(key)
    }
    sweepAt = Math.max(smallestSweep, 2 * seen.size)
  }

  const firstSeen = (key: string, token: string, { steady, wall }: Stamp, lease: number, at: number): number => {
    const those = seen.get(key) ?? new Map<string, Seen>()
    const before = those.get(token)
    if (before !== undefined && before.wall === wall && before.steady === steady) return before.at
    seen.set(key, those.set(token, { wall, steady, at, until: at + 2 * lease + 60_000 }))
    if (seen.size > sweepAt) sweep(at)
    return at
  }

  return {
    stamp,
    size: () => seen.size,
    keep: (key, tokens) => {
      const those = seen.get(key)
      if (those === undefined) return
      for (const token of those.keys()) if (!tokens.has(token)) those.delete(token)
      if (those.size === 0) seen.delete(key)
    },
    of: (key, token, then, lease) => {
      const now = stamp()
      const seenFor = now.steady - firstSeen(key, token, then, lease, now.steady)
      const byClocks = then.wall < start.wall ? 0 : Math.min(now.wall - then.wall, now.steady - then.steady)
      return Math.max(seenFor, byClocks)
    }
  }
}
