/** Batches the calls of one turn of the event loop into as few scripts as are useful. */

/** Locks in one script: enough to make the script's own cost vanish, few enough not to hold up the server. */
const batchSize = 128

/** The calls of one script, which does the releases first. */
export interface Batch<A, R> {
  readonly attempts: ReadonlyArray<A>
  readonly releases: ReadonlyArray<R>
}

/** How many scripts may be in flight: the server works on one while we work on the replies of another. */
const scriptsOut = 2

/** Fewer calls than this are not worth another command. */
const smallestBatch = 4

/**
 * Collects calls until the turn ends, if one script can use many locks: making a command, writing
 * it and waking the server each cost more than what a script does for a lock. If nothing is in
 * flight, a first attempt is sent at once, since somebody waits for it, together with the releases
 * before it.
 */
export class Turn<A, R> {
  private readonly attempts: Array<A> = []
  private readonly releases: Array<R> = []
  private scripts = 0
  private isPlanned = false
  private readonly single: boolean
  private readonly send: (batch: Batch<A, R>) => void

  constructor(single: boolean, send: (batch: Batch<A, R>) => void) {
    this.single = single
    this.send = send
  }

  attempt(one: A): void {
    this.attempts.push(one)
    if (this.scripts === 0 && this.attempts.length === 1) this.flush()
    else this.plan()
  }

  release(one: R): void {
    this.releases.push(one)
    this.plan()
  }

  private plan(): void {
    if (!this.single) return this.flush()
    if (this.isPlanned) return
    this.isPlanned = true
    process.nextTick(() => {
      this.isPlanned = false
      this.flush()
    })
  }

  /** Sends what has been collected, releases first: an attempt may be for a lock that is being released. */
  flush(): void {
    const size = this.attempts.length + this.releases.length
    if (size === 0) return
    // Emptied, not replaced: once V8 has seen such an array live long, it allocates the next ones as old.
    const attempts = this.attempts.splice(0)
    const releases = this.releases.splice(0)
    const pieces = Math.max(1, Math.min(scriptsOut - this.scripts, Math.floor(size / smallestBatch)))
    const most = Math.min(batchSize, Math.ceil(size / pieces))
    if (most === size) return this.send({ attempts, releases })
    while (attempts.length + releases.length > 0) {
      const first = releases.splice(0, most)
      this.send({ releases: first, attempts: attempts.splice(0, most - first.length) })
    }
  }

  /** A script is in flight. */
  start(): void {
    this.scripts++
  }

  /** It has been answered. */
  land(): void {
    this.scripts--
  }

  /**
   * Its answers have been delivered, and have led to the calls collected since. These are sent at once if they are worth
   * a command. Otherwise the replies to two scripts that arrive together would lead to one turn, whose scripts would be
   * answered together again, and from then on server and client would take turns waiting for each other.
   */
  told(): void {
    if (this.single && this.attempts.length + this.releases.length >= smallestBatch) this.flush()
  }
}

/** One lease for all if they are equal, otherwise one for each. */
export const pushLeases = (
  args: Array<string | number>,
  batch: ReadonlyArray<{ readonly expiresMillis: number }>
): void => {
  const [{ expiresMillis }] = batch
  if (batch.every((one) => one.expiresMillis === expiresMillis)) args.push(expiresMillis)
  else for (const one of batch) args.push(one.expiresMillis)
}
