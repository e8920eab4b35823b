/**
 * The value of a lock's item: who holds it, and who waits, in order of arrival.
 *
 * A waiter must not change the expiry of the holder's item, and only APPEND does not. So the queue is
 * a log of waiters that came and left, which is compacted whenever a holder rewrites the item.
 */

export interface Content {
  /** The holder; undefined if the item is only reserved for the first waiter. */
  readonly token: string | undefined
  /** The end of the lease by the holder's wall clock, only for display; without a holder, when it was released. */
  readonly time: number
  readonly waiters: ReadonlyArray<string>
  /** There is no room for another waiter. */
  readonly full: boolean
}

/** `2` is the version of the format; an item of version 1 had no queue, and its holder would not know it again. */
const pattern = /^([12]) (\d{1,16}) (\*|[\w.-]+)((?: [+~][\w.-]+)*)$/

/** The most bytes of a queue: every waiter reads all of it at every look. */
const maxLength = 8_000

export const encode = (token: string | undefined, time: number, waiters: ReadonlyArray<string>): string => {
  let text = `2 ${Math.round(time)} ${token ?? "*"}`
  for (const waiter of waiters) text += joining(waiter)
  return text
}

/** What a waiter appends when it comes. */
export const joining = (token: string): string => ` +${token}`

/** What is appended when a waiter leaves. */
export const leaving = (token: string): string => ` ~${token}`

const queueOf = (log: string): ReadonlyArray<string> => {
  if (log === "") return []
  const waiters = new Set<string>()
  for (const entry of log.slice(1).split(" ")) {
    if (entry.startsWith("+")) waiters.add(entry.slice(1))
    else waiters.delete(entry.slice(1))
  }
  return [...waiters]
}

/** Decodes a value; undefined if it is not a lock. */
export const decode = (value: Buffer): Content | undefined => {
  const match = pattern.exec(value.toString("latin1"))
  if (match === null) return undefined
  const [, version, time, holder, log] = match
  return {
    token: holder === "*" ? undefined : holder,
    time: Number(time),
    waiters: queueOf(log),
    full: version === "1" || value.length > maxLength
  }
}
