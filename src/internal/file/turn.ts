/** Whose turn it is: who is granted a key when somebody leaves the key or its queue, or arrives. */
import * as Directory from "./directory.ts"
import type { Fences } from "./fences.ts"
import * as Lease from "./lease.ts"
import * as Sharers from "./sharers.ts"
import * as State from "./state.ts"

export interface Turn {
  readonly state: State.State
  readonly sharers: ReadonlyArray<State.State>
  /** The tickets of the waiters that are granted the key, and their leases. */
  readonly given: ReadonlyArray<readonly [ticket: State.State, lease: State.State]>
  /** Whether tickets of dead processes were in front, and were skipped. */
  readonly isShorter: boolean
}

/** The claim, if there is one. */
export interface Asking {
  readonly token: string
  readonly outlives?: boolean | undefined
}

/** What was seen of a key, and when. */
interface Seen {
  readonly path: string
  readonly from: State.State
  readonly at: number
  /** The holders that stay. */
  readonly sharers: ReadonlyArray<State.State>
  /** The waiters, the first in front. */
  readonly line: ReadonlyArray<State.State>
  readonly asking?: Asking | undefined
}

/**
 * Grants the key to the waiters that fit in addition to its holders, from the front of the queue:
 * the first that does not fit blocks all behind it. The claim gets its lease; the others get a
 * short one, until they respond.
 */
export const next = (fences: Fences, { asking, at, from, line, path, sharers }: Seen): Turn => {
  const those = [...sharers]
  const given: Array<readonly [ticket: State.State, lease: State.State]> = []
  let { fence } = from
  let isShorter = false
  for (const ticket of line) {
    const { expires, owner, share, token } = ticket
    if (Lease.isGone(ticket)) {
      isShorter = Directory.take(path, ticket.name) || isShorter
      continue
    }
    if (!Sharers.fits(share, those)) break
    // Within a process a shared lease is handed over with its fencing token.
    fence = those.length > 0 || from.tag === "s" ? Math.max(fence + 1, fences.after(0)) : fences.after(fence)
    const lease = token === asking?.token
      ? Lease.of({ token, expires, share, outlives: asking.outlives }, fence, at)
      : State.make("g", fence, at, expires, token, owner, share)
    those.push(lease)
    given.push([ticket, lease])
  }
  const state = those.length === 0
    ? Lease.freed(from, at)
    : those[0].share === undefined
    ? those[0]
    : Sharers.stateOf(those, fence, at)
  return { state, sharers: those, given, isShorter }
}

/**
 * Removes the tickets of the waiters that were granted the key, except that of the claim; returns
 * those that were already gone.
 */
export const tear = (path: string, given: Turn["given"], asking?: string): ReadonlyArray<State.State> =>
  given.flatMap(([{ name, token }, lease]) => token === asking || Directory.take(path, name) ? [] : [lease])

/** The longest wait first, without those that already hold the key. */
export const inOrder = (
  tickets: ReadonlyArray<State.State>,
  sharers: ReadonlyArray<State.State>
): ReadonlyArray<State.State> =>
  tickets
    .filter(({ token }) => !sharers.some((sharer) => sharer.token === token))
    .toSorted((one, other) => one.since - other.since)
