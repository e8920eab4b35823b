/** What the scripts are made for: where they run, and how long things last. */

export interface Script {
  readonly name: string
  readonly lua: string
}

/** How long a waiter has to claim a lock that was granted to it, in milliseconds. */
export const claimMillis = 700

/** How long waiters have to answer a roll call, in milliseconds. */
export const rollCallMillis = 50

/** How long the result of a roll call stands, in milliseconds: after that nobody wants the lock any more. */
const standsMillis = 1000

/** A queue that nobody has looked at for this long is forgotten, in milliseconds. */
export const queueMillis = 10_000

/** The times that a test may change. */
export const times = { claimMillis, rollCallMillis, standsMillis }

export type Times = typeof times

export interface Form extends Times {
  /** Every process is connected to the same server, so it knows who still listens. */
  readonly single: boolean
  /** A claim's fencing token is greater than the last one of its lock, whatever the server's clock says. */
  readonly strict: boolean
}
