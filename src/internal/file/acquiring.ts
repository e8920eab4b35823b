/**
 * Acquiring a key that does not exist yet, is free, whose lease has ended, or that was granted to
 * us.
 */
import type { Attempt, Claim, Grant } from "../../LockStore.ts"
import * as Directory from "./directory.ts"
import * as Failure from "./failure.ts"
import type { Front } from "./front.ts"
import type { Ground } from "./ground.ts"
import type { Holdings } from "./holdings.ts"
import type { Idle } from "./idle.ts"
import * as Lease from "./lease.ts"
import type { Queue, Waiting } from "./queue.ts"
import * as Refusal from "./refusal.ts"
import type { Ask } from "./sharing.ts"
import * as State from "./state.ts"

export interface Acquiring {
  readonly tryAcquire: (path: string, claim: Claim) => Attempt
  /**
   * Something happened to our ticket. If it was removed, we were granted the key: notifies with the
   * grant, or with undefined if that is over. Returns whether nothing happened.
   */
  readonly hear: (waiting: Waiting, notify: (grant: Grant | undefined) => void) => boolean
  /** Transfers the key from one token to another, past the waiters; undefined if neither holds it. */
  readonly transfer: (path: string, from: string, claim: Claim) => Attempt | undefined
}

const wantedBy = ({ expiresMillis, outlives, share, token }: Claim): Lease.Wanted => ({
  token,
  share,
  outlives,
  expires: Math.ceil(expiresMillis)
})

interface Needs {
  readonly idle: Idle
  readonly queue: Queue
  readonly front: Front
  readonly holdings: Holdings
  readonly ask: Ask
}

export const make = (
  { fences, isThere, now, root }: Ground,
  { ask, front, idle, holdings, queue }: Needs
): Acquiring => {
  /** The first lease of a new key. */
  const create = (path: string, wanted: Lease.Wanted): State.State | undefined => {
    let made = Lease.of(wanted, fences.after(fences.removed()), now())
    if (!Directory.create(root, path, made)) return undefined
    // It may have been created and removed since we looked.
    for (let last = fences.removed(); last >= made.fence;) {
      const risen = Lease.of(wanted, fences.after(last), now())
      if (!Directory.move(path, made, risen)) return undefined
      made = risen
      last = fences.removed()
    }
    return made
  }

  const tryAcquire: Acquiring["tryAcquire"] = (path, claim) => {
    const { share, token, wait } = claim
    const wanted = wantedBy(claim)
    const left = share === undefined ? idle.get(path) : undefined
    if (left !== undefined) {
      const next = Lease.of(wanted, fences.after(left.fence), now())
      if (Directory.move(path, left, next)) return holdings.take(path, next)
      idle.take(path)
    }
    // A waiter has been refused before, and most likely will be again: writing the ticket first saves a look.
    for (let hasEntered = wait && !queue.isIn(token) && queue.enter(path, wanted, now());;) {
      const seen = Directory.look(path)
      const { queue: waiting, state } = seen
      const at = now()
      if (state === undefined) {
        // Nobody else can share a key that does not exist yet: a claim to share it holds it exclusively at first.
        const alone = { ...wanted, share: undefined, outlives: share === undefined && wanted.outlives }
        const made = create(path, alone)
        if (made !== undefined && share === undefined) return holdings.take(path, made)
        continue
      }
      const isAlone = state.tag !== "s" && State.isLive(state, at)
      const isOurs = isAlone && state.token === token
      // A release looks for tickets after it has changed the state, and we look at the state after we wrote the ticket:
      // one sees the other.
      const enters = wait && !hasEntered && !waiting.some((ticket) => ticket.token === token)
      if (isAlone && !isOurs && isThere(state, at)) {
        front.clear(path)
        if (!enters) return Refusal.of(state, at, waiting.length)
      } else if (share !== undefined || state.tag === "s") {
        const attempt = ask(path, { ...seen, state }, at, { ...wanted, hasEntered })
        if (attempt === "again") continue
        if (attempt._tag === "Acquired" || !enters) return attempt
      } else {
        const next = Lease.of(wanted, isOurs ? state.fence : fences.after(state.fence), at)
        if (!Directory.advance(path, { ...seen, state }, next, [])) continue
        // The waiter that it was granted to does not respond, and others may not either. One that does writes a new
        // ticket, in its old place.
        if (state.tag === "g" && !isOurs) { for (const { name } of waiting) Directory.take(path, name) }
        return holdings.take(path, next)
      }
      queue.enter(path, wanted, at)
      hasEntered = true
    }
  }

  const hear: Acquiring["hear"] = ({ name, path, wanted }, notify) => {
    const { expires, token } = wanted
    let names: ReadonlyArray<string> = []
    let isThere = true
    let lease: State.State | undefined
    const isKnown = Failure.works(() => {
      while (true) {
        names = Directory.names(path)
        isThere = names.includes(name)
        const given = Directory.givenAmong(names, token)
        if (isThere && given === undefined) return
        const state = given ?? Directory.look(path).state
        const at = now()
        const next = state?.tag === "s"
          ? holdings.renew(path, token, ({ fence, share }, at) => Lease.of({ ...wanted, share }, fence, at))
          : state?.token === token && State.isLive(state, at)
          ? Lease.of({ ...wanted, share: undefined }, state.fence, at)
          : undefined
        if (next === undefined) return
        if (state!.tag !== "s" && !Directory.move(path, state!, next)) continue
        lease = next
        return
      }
    })
    if (lease === undefined && isThere) {
      // If that fails now, the next attempt will tell.
      if (!isKnown) notify(undefined)
      return true
    }
    if (!isThere) queue.torn(token)
    if (lease === undefined) notify(undefined)
    else {
      holdings.take(path, lease)
      notify({ fencingToken: lease.fence, sinceMillis: lease.since / 1000, leaseMillis: expires })
      holdings.given(path, lease, Directory.ticketsAmong(names))
    }
    return false
  }

  const transfer: Acquiring["transfer"] = (path, from, claim) => {
    const wanted = { ...wantedBy(claim), share: undefined }
    const to = (state: State.State, at: number) => Lease.of(wanted, fences.after(state.fence), at)
    const next = holdings.change(path, from, to) ?? holdings.change(path, wanted.token, to)
    return next === undefined ? undefined : holdings.take(path, next)
  }

  return { tryAcquire, hear, transfer }
}
