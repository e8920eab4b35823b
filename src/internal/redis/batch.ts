/** Many calls of one turn as few scripts. */

/** Locks in one script: enough to make the script's own cost vanish, few enough not to hold up the server. */
const batchSize = 128

/**
 * So many scripts may be out with so many calls, for the server to work on one
 * while we work on the replies of another. Of many calls two are enough for that,
 * and cost less.
 */
const scriptsOut = (calls: number): number => calls < 32 ? 4 : 2

/** Locks in one script when there are few: less than this is not worth a command of its own. */
const smallestBatch = 4

/** So few calls are each sent at once, for the server to work on the first while we make the next. */
const fewCalls = 6

/** The calls that are collected or out, and the scripts that are out. */
export class Flight {
  private collected = 0
  private calls = 0
  private scripts = 0

  /** Whether to send a call at once, which is never while others are collected. */
  get isLight(): boolean {
    return this.collected === 0 && this.calls < fewCalls
  }

  collect(): void {
    this.collected++
  }

  /** So many have been collected: the size of the pieces to send them in. */
  dispatch(calls: number): number {
    this.collected -= calls
    const free = scriptsOut(this.calls + calls) - this.scripts
    const pieces = Math.max(1, Math.min(free, Math.floor(calls / smallestBatch)))
    return Math.min(batchSize, Math.ceil(calls / pieces))
  }

  start(calls: number): void {
    this.scripts++
    this.calls += calls
  }

  land(calls: number): void {
    this.scripts--
    this.calls -= calls
  }
}

/**
 * Sends the first few calls at once. Beyond these it collects what comes in during
 * the same turn, in pieces that one script can take; pieces are larger when enough
 * of them are out already.
 */
export const collect = <A>(single: boolean, flight: Flight, send: (batch: ReadonlyArray<A>) => void) => {
  let batch: Array<A> = []
  const flush = () => {
    const flushed = batch
    batch = []
    const size = flight.dispatch(flushed.length)
    for (let i = 0; i < flushed.length; i += size) {
      send(flushed.length <= size ? flushed : flushed.slice(i, i + size))
    }
  }
  const add = (item: A) => {
    if (!single || flight.isLight) return send([item])
    if (batch.length === 0) process.nextTick(flush)
    flight.collect()
    batch.push(item)
  }
  return { add, flush }
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
