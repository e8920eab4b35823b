/** Whose turn it is: who is let in when somebody leaves a key or its queue, or comes to it. */
import * as Directory from "./directory.ts"
import type { Fences } from "./fences.ts"
import * as Lease from "./lease.ts"
import * as Sharers from "./sharers.ts"
import * as State from "./state.ts"

export interface Turn {
  readonly state: State.State
  readonly sharers: ReadonlyArray<State.State>
  /** The tickets of those who are let in, and what each is given. */
  readonly given: ReadonlyArray<readonly [ticket: State.State, lease: State.State]>
  /** Tickets of processes that are gone were in front, and are no more. */
  readonly isShorter: boolean
}

/** Who asks, if somebody does, and does not leave. */
export interface Asking {
  readonly token: string
  readonly outlives?: boolean | undefined
}

/** What was seen of a key, and when. */
interface Seen {
  readonly path: string
  readonly from: State.State
  readonly at: number
  /** Those who share it, and stay. */
  readonly sharers: ReadonlyArray<State.State>
  /** Those who wait, the first in front. */
  readonly line: ReadonlyArray<State.State>
  readonly asking?: Asking | undefined
}

/**
 * Beside those who share the key, lets in who fits, from the front of the line: the
 * first that does not holds up all behind it. Who asks gets its lease; the others
 * have theirs for a short time, until they are heard of.
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
    // Within a process a shared lease passes on with the fencing token that it has.
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

/** Tears the tickets of those who were let in, but for that of who asks. Those who have taken theirs back have left. */
export const tear = (path: string, given: Turn["given"], asking?: string): ReadonlyArray<State.State> =>
  given.flatMap(([{ name, token }, lease]) => token === asking || Directory.take(path, name) ? [] : [lease])

/** The longest wait first, without those who have what they waited for. */
export const inOrder = (
  tickets: ReadonlyArray<State.State>,
  sharers: ReadonlyArray<State.State>
): ReadonlyArray<State.State> =>
  tickets
    .filter(({ token }) => !sharers.some((sharer) => sharer.token === token))
    .toSorted((one, other) => one.since - other.since)
