/** Claims to share a key, and exclusive claims for a shared key. */
import type { Attempt } from "../../LockStore.ts"
import * as Directory from "./directory.ts"
import type { Front } from "./front.ts"
import type { Ground } from "./ground.ts"
import type { Holdings } from "./holdings.ts"
import * as Host from "./host.ts"
import * as Lease from "./lease.ts"
import * as Refusal from "./refusal.ts"
import type { Releasing } from "./releasing.ts"
import * as State from "./state.ts"
import * as Turn from "./turn.ts"

/** A claim, and what is known of its place in the queue. */
export interface Asking extends Lease.Wanted {
  /** It has a ticket, which the last look may not have seen yet. */
  readonly hasEntered: boolean
}

/** The answer to a claim, from what was seen of the key; "again" if that has changed. */
export type Ask = (
  path: string,
  seen: Directory.Look & { readonly state: State.State },
  at: number,
  asking: Asking
) => Attempt | "again"

export interface Needs {
  readonly front: Front
  readonly holdings: Holdings
  readonly releasing: Releasing
}

export const make =
  ({ fences, isThere }: Ground, { front, releasing, holdings }: Needs): Ask => (path, seen, at, asking) => {
    const { hasEntered, token } = asking
    const { sharers, state } = seen
    const isShared = state.tag === "s"
    const there = isShared ? sharers.filter((sharer) => isThere(sharer, at)) : []
    if (there.some((sharer) => sharer.token === token)) {
      const own = holdings.renew(path, token, ({ fence, share }, at) => Lease.of({ ...asking, share }, fence, at))
      return own === undefined ? "again" : holdings.take(path, own)
    }
    // A waiter that was granted the key does not respond, and others may not either: they are skipped.
    const isDeaf = [state, ...sharers].some((one) => one.tag === "g" && !State.isLive(one, at))
    const line = isShared && !isDeaf ? Turn.inOrder(seen.queue, there) : []
    const own = State.make("q", 0, at, asking.expires, token, Host.self, asking.share)
    const place = line.findIndex((ticket) => ticket.token === token)
    const isIn = place >= 0 || line.length === 0 || hasEntered
    const asked = place >= 0 ? line.with(place, own) : isIn ? [...line, own] : line
    const turn = Turn.next(fences, { path, from: state, at, sharers: there, line: asked, asking })
    if (turn.given.length === 0) {
      if (turn.isShorter) return "again"
      front.mind(path, line[0], token, at)
      return Refusal.of(Lease.byEnd(there, at)[0], at, seen.queue.length)
    }
    if (!Directory.advance(path, seen, turn.state, turn.sharers)) return "again"
    if (isDeaf) { for (const { name } of seen.queue) Directory.take(path, name) }
    const left = Turn.tear(path, turn.given, token)
    if (left.length > 0) releasing.takeBack(path, turn.state, left)
    const lease = turn.given.find(([ticket]) => ticket === own)?.[1]
    if (lease === undefined) return "again"
    const answer = holdings.take(path, lease)
    // The key was exclusive for a moment, and another claim may have had to wait.
    if (state.tag !== "f" && !isShared) releasing.pass(path, () => false)
    return answer
  }
