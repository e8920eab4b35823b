/**
 * Bounds on a server's clock, from its replies: each was written after its request was sent, and
 * before it was received.
 */

/** Clocks drift, so after this many milliseconds a bound is replaced by any newer one. */
const worthMillis = 10_000

export class ServerClock {
  /** A lower bound of our monotonic clock minus the server's, in milliseconds. */
  private ahead: number | undefined = undefined
  private since = 0

  /**
   * A reply to a request that was sent at `sentAt`, and received at `now`, has the server's clock
   * at `micros`.
   */
  observe(sentAt: number, now: number, micros: number): void {
    if (!Number.isFinite(micros)) return
    const { ahead } = this
    const bound = sentAt - micros / 1000
    // A bound that this reply contradicts is from before the server's clock was set forward.
    const isStale = ahead === undefined || ahead > now - micros / 1000 || sentAt - this.since >= worthMillis
    if (!isStale && bound <= ahead) return
    this.ahead = bound
    this.since = sentAt
  }

  /** The next reply may come from another server. */
  forget(): void {
    this.ahead = undefined
  }

  /**
   * A lower bound, on our clock, of when the server's clock was at `micros`; undefined while
   * nothing is known.
   */
  earliest(micros: number): number | undefined {
    return this.ahead === undefined ? undefined : this.ahead + micros / 1000
  }

  /** An upper bound, in microseconds, of the server's clock at `at`. */
  latest(at: number): number | undefined {
    return this.ahead === undefined ? undefined : Math.ceil((at - this.ahead) * 1000)
  }
}
