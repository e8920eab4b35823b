/** Releasing a key, and granting it to as many waiters as fit. */
import * as Directory from "./directory.ts"
import * as Failure from "./failure.ts"
import type { Front } from "./front.ts"
import type { Ground } from "./ground.ts"
import type { Holdings } from "./holdings.ts"
import type { Idle } from "./idle.ts"
import * as Lease from "./lease.ts"
import type { Queue } from "./queue.ts"
import * as State from "./state.ts"
import * as Turn from "./turn.ts"

export interface Releasing {
  /** Whether the token held the key. */
  readonly release: (path: string, token: string) => boolean
  /**
   * Removes some holders of a shared key, and grants it to the waiters that then fit; returns
   * whether one of them still held it.
   */
  readonly pass: (path: string, leaves: (sharer: State.State) => boolean) => boolean
  /** Takes a grant back from waiters that have left. */
  readonly takeBack: (path: string, given: State.State, left: ReadonlyArray<State.State>) => void
}

export interface Needs {
  readonly idle: Idle
  readonly queue: Queue
  readonly front: Front
  readonly holdings: Holdings
}

export const make = ({ fences, isThere, now }: Ground, { front, idle, holdings, queue }: Needs): Releasing => {
  const pass: Releasing["pass"] = (path, leaves) => {
    let had = false
    for (let leaving = leaves;;) {
      const seen = Directory.look(path)
      const { queue: waiting, sharers, state } = seen
      const at = now()
      if (state?.tag !== "s") return had
      const gone = sharers.filter(leaving)
      const there = sharers.filter((sharer) => isThere(sharer, at) && !gone.includes(sharer))
      const turn = Turn.next(fences, { path, from: state, at, sharers: there, line: Turn.inOrder(waiting, there) })
      if (gone.length === 0 && turn.given.length === 0) return had
      if (!Directory.advance(path, { ...seen, state }, turn.state, turn.sharers)) continue
      had ||= gone.some((sharer) => State.isLive(sharer, at))
      const left = Turn.tear(path, turn.given)
      if (turn.state.tag === "s") {
        // A waiter that came meanwhile has seen that the key was held, and we have not seen the waiter.
        leaving = (sharer) => left.some(({ name }) => name === sharer.name)
        continue
      }
      if (turn.state.tag === "f") settle(path, turn.state)
      else if (left.length > 0) takeBack(path, turn.state, left)
      return had
    }
  }

  const takeBack: Releasing["takeBack"] = (path, given, left) => {
    if (given.tag === "s") return void pass(path, (sharer) => left.some(({ name }) => name === sharer.name))
    const back = Lease.freed(given, now())
    if (Directory.move(path, given, back)) settle(path, back)
  }

  /** The key is free. Waiters find out by themselves if we cannot grant it to them. */
  const settle = (path: string, state: State.State): void => {
    let isGiven = false
    Failure.works(() => {
      isGiven = grant(path, state)
    })
    if (!isGiven) idle.put(path, state)
  }

  /**
   * Grants a free key to the first waiter, or to as many as can share it; returns whether the state
   * has changed.
   */
  const grant = (path: string, from: State.State): boolean => {
    const line = Directory.tickets(path)
    if (line.length === 0) return false
    const { given, sharers, state } = Turn.next(fences, { path, from, at: now(), sharers: [], line })
    if (given.length === 0) return false
    if (!Directory.advance(path, { state: from, lists: [] }, state, sharers)) return true
    // A waiter whose ticket is already gone has left, perhaps without having seen the grant.
    const left = Turn.tear(path, given)
    if (left.length > 0) Failure.works(() => takeBack(path, state, left))
    return true
  }

  /**
   * Grants our key to the next waiter without freeing it in between; false if nobody waits, or the
   * key is no longer ours. If the first waiter wants the key exclusively, it still is the first.
   */
  const handOn = (path: string, token: string, seen: ReadonlyArray<State.State>): boolean => {
    const state = holdings.leaseOf(path, token)
    if (state === undefined) return false
    const line = seen.length > 0 && seen[0].share === undefined ? seen.slice(0, 1) : Directory.tickets(path)
    const at = now()
    if (line.length === 0 || !State.isLive(state, at)) return false
    const turn = Turn.next(fences, { path, from: state, at, sharers: [], line })
    if (turn.given.length === 0 || !Directory.advance(path, { state, lists: [] }, turn.state, turn.sharers)) {
      return false
    }
    holdings.drop(path)
    const left = Turn.tear(path, turn.given)
    if (left.length > 0) Failure.works(() => takeBack(path, turn.state, left))
    return true
  }

  const release: Releasing["release"] = (path, token) => {
    // First the ticket, then the lease: the key is never granted to a ticket that no longer exists.
    if (queue.leave(token)) front.clear(path)
    const line = holdings.takeLine(path)
    if (line !== undefined && handOn(path, token, line)) return true
    const next = holdings.leave(token) ? undefined : holdings.change(path, token, Lease.freed)
    // A waiter that leaves the queue of a shared key may unblock those behind it.
    if (next === undefined) return pass(path, (sharer) => sharer.token === token)
    holdings.drop(path)
    settle(path, next)
    return true
  }

  return { release, pass, takeBack }
}
