/** What the scripts are made for: where they run, and how long things last. */

export interface Script {
  readonly name: string
  readonly lua: string
}

/** How long a lock given to a waiter stays its own until the waiter claims it, in milliseconds. */
export const claimMillis = 700

/** How long those who wait have time to answer a roll call, in milliseconds. */
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
