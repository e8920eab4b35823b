/** What replies tell of a server's clock: a reply is written after its request was sent, and before it is received. */

/** As the clocks drift apart a bound loses its worth: so many milliseconds after its request was sent, any other replaces it. */
const worthMillis = 10_000

export class ServerClock {
  /** A lower bound of our monotonic clock minus the server's clock, in milliseconds. */
  private ahead: number | undefined = undefined
  private since = 0

  /** A reply to what was sent at `sentAt`, and received at `now`, says that the server's clock is at `micros`. */
  observe(sentAt: number, now: number, micros: number): void {
    if (!Number.isFinite(micros)) return
    const { ahead } = this
    const bound = sentAt - micros / 1000
    // What this reply contradicts is from before the server's clock was set forward.
    const isStale = ahead === undefined || ahead > now - micros / 1000 || sentAt - this.since >= worthMillis
    if (!isStale && bound <= ahead) return
    this.ahead = bound
    this.since = sentAt
  }

  /** The next reply may come from another server. */
  forget(): void {
    this.ahead = undefined
  }

  /** A lower bound, on our clock, of when the server's was at `micros`; undefined while nothing is known. */
  earliest(micros: number): number | undefined {
    return this.ahead === undefined ? undefined : this.ahead + micros / 1000
  }

  /** An upper bound, in microseconds, of what the server's clock shows at `at`. */
  latest(at: number): number | undefined {
    return this.ahead === undefined ? undefined : Math.ceil((at - this.ahead) * 1000)
  }
}
