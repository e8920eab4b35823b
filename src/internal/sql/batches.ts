/**
 * Batches of calls. While as many statements are in flight as are useful, calls wait for the next
 * one: few calls are sent at once, and many share a statement and its commit.
 */

/**
 * The most calls in one statement: enough to make its own cost negligible, few enough not to hold
 * up the server.
 */
const batchSize = 128

/** The most statements of a kind in flight. */
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

  // Calls of the same turn of the event loop share the statement.
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
