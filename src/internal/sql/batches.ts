/**
 * Calls that go to the server together. While so many statements are out as have
 * any use, what comes in waits for the next one: few calls are sent at once, and
 * many share a statement, and the commit that it waits for.
 */

/** Calls in one statement: enough to make the statement's own cost vanish, few enough not to hold up the server. */
const batchSize = 128

/** Statements of a kind that may be out. */
const lanes = 2

export interface Batches<A> {
  readonly add: (item: A) => void
}

/** `send` has to call `landed` once. Within a batch there is never more than one item for a row. */
export const make = <A extends { readonly row: string }>(
  send: (batch: ReadonlyArray<A>, landed: () => void) => void
): Batches<A> => {
  let waiting: Array<A> = []
  let out = 0
  let scheduled = false

  const landed = (): void => {
    out--
    schedule()
  }

  // What else comes in during this turn goes along.
  const schedule = (): void => {
    if (scheduled || waiting.length === 0 || out >= lanes) return
    scheduled = true
    queueMicrotask(flush)
  }

  const flush = (): void => {
    scheduled = false
    const rows = new Set<string>()
    const batch: Array<A> = []
    const later: Array<A> = []
    for (const item of waiting) {
      if (batch.length < batchSize && !rows.has(item.row)) {
        rows.add(item.row)
        batch.push(item)
      } else later.push(item)
    }
    waiting = later
    out++
    send(batch, landed)
    schedule()
  }

  return {
    add: (item) => {
      waiting.push(item)
      schedule()
    }
  }
}
