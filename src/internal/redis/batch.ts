/** What is asked for in one turn, as few scripts. */

/** Locks in one script: enough to make the script's own cost vanish, few enough not to hold up the server. */
const batchSize = 128

/** What one script takes and gives back, the latter first. */
export interface Batch<A, R> {
  readonly attempts: ReadonlyArray<A>
  readonly releases: ReadonlyArray<R>
}

/** So many scripts may be out, for the server to work on one while we work on the replies of another. */
const scriptsOut = 2

/** Calls in one script when there are few: less than this is not worth a command of its own. */
const smallestBatch = 4

/**
 * Collects what comes in until the turn ends, if one script can name many locks: to
 * make a command, to write it and to wake the server each cost more than what a script
 * does for a lock. A first attempt goes at once while nothing else is out, since
 * somebody waits for it, and with it what has been given back before.
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

  /** Sends what has been collected. What is given back comes first, since it may be what is wanted. */
  flush(): void {
    const size = this.attempts.length + this.releases.length
    if (size === 0) return
    // No new ones in their place: an engine that saw such a one live for long makes all the next ones old from the start.
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

  /** A script is out. */
  start(): void {
    this.scripts++
  }

  /** It is answered. */
  land(): void {
    this.scripts--
  }

  /**
   * Its answers have been told, and have led to what has been collected since. That goes at once, if it is worth a
   * command: the replies of two scripts that come in together would otherwise make one turn, whose two scripts would be
   * answered together again, and from then on server and client would wait for each other.
   */
  told(): void {
    if (this.single && this.attempts.length + this.releases.length >= smallestBatch) this.flush()
  }
}

/** One lease for all if they are alike, otherwise one for each. */
export const pushLeases = (
  args: Array<string | number>,
  batch: ReadonlyArray<{ readonly expiresMillis: number }>
): void => {
  const [{ expiresMillis }] = batch
  if (batch.every((one) => one.expiresMillis === expiresMillis)) args.push(expiresMillis)
  else for (const one of batch) args.push(one.expiresMillis)
}
