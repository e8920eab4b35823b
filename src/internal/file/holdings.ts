/**
 * What this store holds: its exclusive leases as it last wrote them, so that a rename tells whether
 * they are still the same, and its tokens that share a key, whose leases others may rewrite in new
 * lists.
 */
import type { Attempt } from "../../LockStore.ts"
import * as Directory from "./directory.ts"
import type { Front } from "./front.ts"
import type { Ground } from "./ground.ts"
import * as Host from "./host.ts"
import type { Idle } from "./idle.ts"
import type { Wanted } from "./lease.ts"
import type { Queue } from "./queue.ts"
import * as Sharers from "./sharers.ts"
import * as State from "./state.ts"

/** The lease that follows another, from then on. */
type To = (lease: State.State, at: number) => State.State

export interface Holdings {
  /** This store has acquired the lease, and no longer waits. */
  readonly take: (path: string, lease: State.State) => Attempt
  /** The lease was granted to a waiter of ours, when these waited, too. */
  readonly given: (path: string, lease: State.State, line: ReadonlyArray<State.State>) => void
  /** The exclusive lease of the token, as we last wrote it. */
  readonly leaseOf: (path: string, token: string) => State.State | undefined
  /** Removes and returns the waiters at the time of the grant, if there was one. */
  readonly takeLine: (path: string) => ReadonlyArray<State.State> | undefined
  /** The key's exclusive lease is over. */
  readonly drop: (path: string) => void
  /** The token no longer shares a key; returns whether it did. */
  readonly leave: (token: string) => boolean
  /**
   * Changes an exclusive lease, from what we know of it or from what is there; undefined if the
   * token has none.
   */
  readonly change: (path: string, token: string, to: To) => State.State | undefined
  /** Changes a shared lease; undefined if the token has none. */
  readonly renew: (path: string, token: string, to: To) => State.State | undefined
  /** Extends or shortens a lease, exclusive or shared; false if the token has none. */
  readonly extend: (path: string, wanted: Wanted) => boolean
}

export interface Needs {
  readonly idle: Idle
  readonly queue: Queue
  readonly front: Front
}

export const make = ({ now }: Ground, { front, idle, queue }: Needs): Holdings => {
  const alone = new Map<string, State.State>()
  const lines = new Map<string, ReadonlyArray<State.State>>()
  const sharing = new Set<string>()

  const change: Holdings["change"] = (path, token, to) => {
    let state = alone.get(path)
    // Another store may have used the same token.
    if (state?.token !== token || !State.isLive(state, now())) ({ state } = Directory.look(path))
    while (true) {
      const at = now()
      if (state?.token !== token || !State.isLive(state, at)) {
        if (alone.get(path)?.token === token) alone.delete(path)
        return undefined
      }
      const next = to(state, at)
      if (Directory.move(path, state, next)) return next
      ;({ state } = Directory.look(path))
    }
  }

  const renew: Holdings["renew"] = (path, token, to) => {
    while (true) {
      const seen = Directory.look(path)
      const { sharers, state } = seen
      const at = now()
      const own = sharers.find((sharer) => sharer.token === token)
      if (state === undefined || own === undefined || !State.isLive(own, at)) {
        sharing.delete(token)
        return undefined
      }
      const next = to(own, at)
      const those = sharers.map((sharer) => sharer === own ? next : sharer)
      if (Directory.advance(path, { ...seen, state }, Sharers.stateOf(those, state.fence, at), those)) return next
    }
  }

  return {
    change,
    renew,
    take: (path, lease) => {
      idle.take(path)
      front.clear(path)
      lines.delete(path)
      if (lease.share === undefined) alone.set(path, lease)
      else sharing.add(lease.token)
      queue.leave(lease.token)
      return { _tag: "Acquired", fencingToken: lease.fence }
    },
    leaseOf: (path, token) => {
      const lease = alone.get(path)
      return lease?.token === token ? lease : undefined
    },
    given: (path, lease, line) => {
      // It may have been released at once.
      if (alone.get(path) === lease) lines.set(path, line)
    },
    takeLine: (path) => {
      const line = lines.get(path)
      lines.delete(path)
      return line
    },
    drop: (path) => void alone.delete(path),
    leave: (token) => sharing.delete(token),
    extend: (path, { expires, outlives, token }) => {
      const to: To = ({ fence, owner, share }, at) =>
        State.make("h", fence, at, expires, token, outlives === true ? Host.nobody : owner, share)
      const next = sharing.has(token) ? undefined : change(path, token, to)
      if (next !== undefined) alone.set(path, next)
      return next !== undefined || renew(path, token, to) !== undefined
    }
  }
}
