/**
 * How long a lease of another tab lasts, where no clock is common to both.
 *
 * The wall clock is common, and is set, and leaps when the host wakes up. The
 * monotonic clock of a tab does neither, but begins with the tab. So a lease is
 * stamped by both, and is as old as the *smaller* of the two differences says:
 * after a leap of the wall clock the other one counts, and of tabs that were
 * opened before and after a leap the wall clock. That is enough where the tab
 * was there when the lease began. Of an older lease it knows what it has seen
 * itself, which also bounds what a clock that was set back could add.
 */

/** A moment by both clocks. `steady` is the wall clock at the start of the tab, and goes on by the monotonic one. */
export interface Stamp {
  readonly wall: number
  readonly steady: number
}

export interface Ages {
  readonly stamp: () => Stamp
  /** How old the lease of a key is at the least, of which `stamp` says when it began, and `lease` how long it is. */
  readonly of: (key: string, stamp: Stamp, lease: number) => number
  readonly forget: (key: string) => void
  /** Of how many keys something is remembered. */
  readonly size: () => number
}

/** Below this many keys nobody looks for what can be forgotten. */
const smallestSweep = 64

export const make = (wallMillis: () => number, monotonicMillis: () => number): Ages => {
  const start: Stamp = { wall: wallMillis(), steady: monotonicMillis() }
  /** When a lease was first seen, and when nobody can be interested in that any more. */
  const seen = new Map<string, Stamp & { readonly at: number; readonly until: number }>()
  let sweepAt = smallestSweep

  const stamp = (): Stamp => ({ wall: wallMillis(), steady: start.wall + monotonicMillis() - start.steady })

  const sweep = (at: number): void => {
    for (const [key, { until }] of seen) if (until < at) seen.delete(key)
    sweepAt = Math.max(smallestSweep, 2 * seen.size)
  }

  const firstSeen = (key: string, { steady, wall }: Stamp, lease: number, at: number): number => {
    const before = seen.get(key)
    if (before !== undefined && before.wall === wall && before.steady === steady) return before.at
    seen.set(key, { wall, steady, at, until: at + 2 * lease + 60_000 })
    if (seen.size > sweepAt) sweep(at)
    return at
  }

  return {
    stamp,
    size: () => seen.size,
    forget: (key) => void seen.delete(key),
    of: (key, then, lease) => {
      const now = stamp()
      const seenFor = now.steady - firstSeen(key, then, lease, now.steady)
      const byClocks = then.wall < start.wall ? 0 : Math.min(now.wall - then.wall, now.steady - then.steady)
      return Math.max(seenFor, byClocks)
    }
  }
}
