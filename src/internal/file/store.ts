/** The store: what the contract asks for, by the states of a key. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, Grant, Holding, LockStore, Occupant, Page, Share } from "../../LockStore.ts"
import { type Settling, withShortcuts } from "../shortcuts.ts"
import * as Directory from "./directory.ts"
import * as Failure from "./failure.ts"
import * as Host from "./host.ts"
import * as Idle from "./idle.ts"
import * as News from "./news.ts"
import * as Paths from "./paths.ts"
import * as Queue from "./queue.ts"
import * as Sharers from "./sharers.ts"
import * as State from "./state.ts"

export interface Settings {
  readonly root: string
  readonly pollMillis: number
  readonly keepIdleMillis: number
  readonly detectDead: boolean
}

/** Within a process a lock passes on without a file; every such holder needs a fencing token of its own. */
const handOver = { times: 512, within: Duration.millis(10) }

/** How many directories a page of a list is made of. */
const pageSize = 500

const longestLease = Duration.days(36_500)

/** How long the first who waits may hold up others, as each of them sees it, before it is asked whether it is there. */
const blockedMicros = 10_000_000

/** Many who look when a lease ends do not come all at once. */
const mostJitterMillis = 10

export const make = Effect.fnUntraced(function*(
  { detectDead, keepIdleMillis, pollMillis, root }: Settings
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  /** Always read after the state that it is compared with. */
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe() / 1000n)
  const pathOf = (key: string): string => `${root}/${Paths.keyName(key)}`
  const fencePath = `${root}/${Paths.fenceName}`

  const queue = Queue.make(pollMillis)
  /** What we have, and what we have given back, as we left it: a rename says whether it still is. */
  const held = new Map<string, State.State>()
  const free = new Map<string, State.State>()
  /** Where the key was given to us while we waited: others may wait, too. */
  const wanted = new Set<string>()
  /** The tokens that share a key. */
  const sharing = new Set<string>()
  /** By whom we are held up, and since when. */
  const blocked = new Map<string, { readonly name: string; readonly since: number }>()

  const isGone = ({ owner }: State.State): boolean => detectDead && owner !== Host.self && Host.isGone(owner)

  // ---------------------------------------------------------------------------
  // Fencing tokens
  // ---------------------------------------------------------------------------

  /** The wall clock in microseconds, unless it was set back: nothing is ever less than what was given out. */
  const fenceAfter = (last: number): number =>
    Math.max(last + handOver.times, Math.floor(clock.currentTimeMillisUnsafe() * 1000))

  /** The greatest of the keys that were removed. */
  const removedFence = (): number => Directory.look(fencePath).state?.fence ?? 0

  /** So that a key which comes again does not begin below what it had. */
  const rememberFence = (fence: number): void => {
    const next = State.make("f", fence, now(), 0, `${process.pid}.${Math.random().toString(36).slice(2)}`, Host.self)
    while (true) {
      const { state } = Directory.look(fencePath)
      if (state === undefined ? Directory.create(root, fencePath, next) : state.fence >= fence) return
      if (state !== undefined && Directory.move(fencePath, state, next)) return
    }
  }

  // ---------------------------------------------------------------------------
  // Taking
  // ---------------------------------------------------------------------------

  const leaseOf = (
    token: string,
    fence: number,
    since: number,
    expires: number,
    outlives: boolean | undefined,
    share?: Share
  ): State.State => State.make("h", fence, since, expires, token, outlives === true ? Host.nobody : Host.self, share)

  const acquired = (path: string, state: State.State): Attempt => {
    free.delete(path)
    wanted.delete(path)
    blocked.delete(path)
    if (state.share === undefined) held.set(path, state)
    else sharing.add(state.token)
    queue.leave(state.token)
    return { _tag: "Acquired", fencingToken: state.fence }
  }

  /** The first lease of a key that is not there. */
  const create = (
    path: string,
    token: string,
    expires: number,
    outlives: boolean | undefined
  ): State.State | undefined => {
    let made = leaseOf(token, fenceAfter(removedFence()), now(), expires, outlives)
    if (!Directory.create(root, path, made)) return undefined
    // It may have been there, and have been removed, since we looked.
    for (let last = removedFence(); last >= made.fence;) {
      const risen = leaseOf(token, fenceAfter(last), now(), expires, outlives)
      if (!Directory.move(path, made, risen)) return undefined
      made = risen
      last = removedFence()
    }
    return made
  }

  const tryAcquire = (claim: Claim): Attempt => {
    const { expiresMillis, key, outlives, share, token, wait } = claim
    const path = pathOf(key)
    const expires = Math.ceil(expiresMillis)
    const left = share === undefined ? free.get(path) : undefined
    if (left !== undefined) {
      const next = leaseOf(token, fenceAfter(left.fence), now(), expires, outlives)
      if (Directory.move(path, left, next)) return acquired(path, next)
      free.delete(path)
    }
    const enter = (at: number) => queue.enter(path, token, expires, at, outlives, share)
    // Who waits has been refused before, and most likely is again: a ticket that is there first spares a look.
    for (let hasEntered = wait && !queue.isIn(token) && enter(now());;) {
      const seen = Directory.look(path)
      const { queue: waiting, state } = seen
      const at = now()
      if (state === undefined) {
        // Nobody else has a place in what nobody has made yet: one that will share it has it alone at first.
        const made = create(path, token, expires, share === undefined && outlives)
        if (made !== undefined && share === undefined) return acquired(path, made)
        continue
      }
      const isAlone = state.tag !== "s" && State.isLive(state, at)
      const isOurs = isAlone && state.token === token
      // Whoever gives it back looks for tickets after that, and we look at the state after the ticket: one sees the other.
      const enters = wait && !hasEntered && !waiting.some((ticket) => ticket.token === token)
      if (isAlone && !isOurs && !isGone(state)) {
        blocked.delete(path)
        if (!enters) return heldBy(state, at, waiting.length)
      } else if (share !== undefined || state.tag === "s") {
        const attempt = shareOf(path, { ...seen, state }, at, claim, hasEntered)
        if (attempt === "again") continue
        if (attempt._tag === "Acquired" || !enters) return attempt
      } else {
        const next = leaseOf(token, isOurs ? state.fence : fenceAfter(state.fence), at, expires, outlives)
        if (!Directory.advance(path, { ...seen, state }, next, [])) continue
        // The one it was given to is deaf, and others may be. Who is not writes a new ticket, in the place it had.
        if (state.tag === "g" && !isOurs) { for (const { name } of waiting) Directory.take(path, name) }
        return acquired(path, next)
      }
      enter(at)
      hasEntered = true
    }
  }

  const heldBy = (first: State.State | undefined, at: number, waiters: number): Attempt => ({
    _tag: "Held",
    token: first?.token,
    remainingMillis: (first === undefined ? 0 : remainingMillis(first, at)) +
      Math.random() * Math.min(waiters, mostJitterMillis),
    waiters
  })

  /** Our ticket was torn: whoever did that has given us the key, if it still is ours. */
  const confirm = ({ expires, outlives, path, token }: Queue.Waiting): Grant | undefined => {
    let grant: Grant | undefined
    // What cannot be found out now is found out when we ask.
    Failure.works(() => {
      while (true) {
        const { state } = Directory.look(path)
        const at = now()
        const next = state?.tag === "s"
          ? renew(path, token, (given, at) => leaseOf(token, given.fence, at, expires, outlives, given.share))
          : state?.token === token && State.isLive(state, at)
          ? leaseOf(token, state.fence, at, expires, outlives)
          : undefined
        if (next === undefined) return
        if (state!.tag !== "s" && !Directory.move(path, state!, next)) continue
        acquired(path, next)
        wanted.add(path)
        grant = { fencingToken: next.fence, sinceMillis: next.since / 1000, leaseMillis: expires }
        return
      }
    })
    return grant
  }

  // ---------------------------------------------------------------------------
  // Sharing
  // ---------------------------------------------------------------------------

  /** Those who share the key, as far as their leases last. */
  const livingOf = (sharers: ReadonlyArray<State.State>, at: number): ReadonlyArray<State.State> =>
    sharers.filter((sharer) => State.isLive(sharer, at) && !isGone(sharer))

  const remainingMillis = ({ expires, since }: State.State, at: number): number => (since - at) / 1000 + expires

  /** Who ends first in front. */
  const byEnd = (sharers: ReadonlyArray<State.State>, at: number): ReadonlyArray<State.State> =>
    sharers.toSorted((one, other) => remainingMillis(one, at) - remainingMillis(other, at))

  interface Turn {
    readonly state: State.State
    readonly sharers: ReadonlyArray<State.State>
    /** The tickets of those who are let in, and what each is given. */
    readonly given: ReadonlyArray<readonly [ticket: State.State, lease: State.State]>
    /** Tickets of processes that are gone were in front, and are no more. */
    readonly isShorter: boolean
  }

  /**
   * Beside those who share the key, lets in who fits, from the front of the line: the
   * first that does not holds up all behind it. Who asks gets its lease; the others
   * have theirs for a short time, until they are heard of.
   */
  const turnTo = (
    path: string,
    from: State.State,
    at: number,
    sharers: ReadonlyArray<State.State>,
    line: ReadonlyArray<State.State>,
    asking?: Pick<Claim, "token" | "outlives">
  ): Turn => {
    const those = [...sharers]
    const given: Array<readonly [ticket: State.State, lease: State.State]> = []
    let { fence } = from
    let isShorter = false
    for (const ticket of line) {
      const { expires, owner, share, token } = ticket
      if (owner !== Host.self && Host.isGone(owner)) {
        isShorter = Directory.take(path, ticket.name) || isShorter
        continue
      }
      if (!Sharers.fits(share, those)) break
      // Within a process a shared lease passes on with the fencing token that it has.
      fence = those.length > 0 || from.tag === "s" ? Math.max(fence + 1, fenceAfter(0)) : fenceAfter(fence)
      const lease = token === asking?.token
        ? leaseOf(token, fence, at, expires, asking.outlives, share)
        : State.make("g", fence, at, expires, token, owner, share)
      those.push(lease)
      given.push([ticket, lease])
    }
    const state = those.length === 0
      ? freed(from, at)
      : those[0].share === undefined
      ? those[0]
      : Sharers.stateOf(those, fence, at)
    return { state, sharers: those, given, isShorter }
  }

  /** Tears the tickets of those who were let in, but for that of who asks. Those who have taken theirs back have left. */
  const tear = (path: string, given: Turn["given"], asking?: string): ReadonlyArray<State.State> =>
    given.flatMap(([{ name, token }, lease]) => token === asking || Directory.take(path, name) ? [] : [lease])

  /** One who wants to share the key, or wants one alone that is shared. */
  const shareOf = (
    path: string,
    seen: Directory.Look & { readonly state: State.State },
    at: number,
    { expiresMillis, outlives, share, token, wait }: Claim,
    hasEntered: boolean
  ): Attempt | "again" => {
    const { sharers, state } = seen
    const expires = Math.ceil(expiresMillis)
    const isShared = state.tag === "s"
    const there = isShared ? livingOf(sharers, at) : []
    if (there.some((sharer) => sharer.token === token)) {
      const own = renew(path, token, ({ fence, share }, at) => leaseOf(token, fence, at, expires, outlives, share))
      return own === undefined ? "again" : acquired(path, own)
    }
    // One that was given the key is deaf, and others may be: they are passed.
    const isDeaf = [state, ...sharers].some((one) => one.tag === "g" && !State.isLive(one, at))
    const line = isShared && !isDeaf ? inOrder(seen.queue, there) : []
    const own = State.make("q", 0, at, expires, token, Host.self, share)
    const place = line.findIndex((ticket) => ticket.token === token)
    const isIn = place >= 0 || line.length === 0 || hasEntered
    const asked = place >= 0 ? line.with(place, own) : isIn ? [...line, own] : line
    const turn = turnTo(path, state, at, there, asked, { token, outlives })
    if (turn.given.length === 0) {
      if (turn.isShorter) return "again"
      if (isIn && wait) mind(path, line[0], token, at)
      return heldBy(byEnd(there, at)[0], at, seen.queue.length)
    }
    if (!Directory.advance(path, seen, turn.state, turn.sharers)) return "again"
    if (isDeaf) { for (const { name } of seen.queue) Directory.take(path, name) }
    const left = tear(path, turn.given, token)
    if (left.length > 0) takeBack(path, turn.state, left)
    const lease = turn.given.find(([ticket]) => ticket === own)?.[1]
    if (lease === undefined) return "again"
    const answer = acquired(path, lease)
    // It was ours alone for a moment, and may have sent somebody to wait.
    if (state.tag !== "f" && !isShared) pass(path, () => false)
    return answer
  }

  /** The longest wait first, without those who have what they waited for. */
  const inOrder = (
    tickets: ReadonlyArray<State.State>,
    sharers: ReadonlyArray<State.State>
  ): ReadonlyArray<State.State> =>
    tickets
      .filter(({ token }) => !sharers.some((sharer) => sharer.token === token))
      .toSorted((one, other) => one.since - other.since)

  /** Tears the ticket of the first, if it has held us up for long: one that is there writes it again, in its place. */
  const mind = (path: string, first: State.State | undefined, token: string, at: number): void => {
    const before = blocked.get(path)
    if (first === undefined || first.token === token) blocked.delete(path)
    else if (before?.name !== first.name) blocked.set(path, { name: first.name, since: at })
    else if (at - before.since > blockedMicros) {
      blocked.delete(path)
      Directory.take(path, first.name)
    }
  }

  /** A new lease for one who shares the key; undefined when it does not. */
  const renew = (
    path: string,
    token: string,
    to: (sharer: State.State, at: number) => State.State
  ): State.State | undefined => {
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

  /** Has some who share the key leave it, and lets in who fits then: whether one of them still had it. */
  const pass = (path: string, leaves: (sharer: State.State) => boolean): boolean => {
    let had = false
    for (let leaving = leaves;;) {
      const seen = Directory.look(path)
      const { queue: waiting, sharers, state } = seen
      const at = now()
      if (state?.tag !== "s") return had
      const gone = sharers.filter(leaving)
      const there = livingOf(sharers, at).filter((sharer) => !gone.includes(sharer))
      const turn = turnTo(path, state, at, there, inOrder(waiting, there))
      if (gone.length === 0 && turn.given.length === 0) return had
      if (!Directory.advance(path, { ...seen, state }, turn.state, turn.sharers)) continue
      had ||= gone.some((sharer) => State.isLive(sharer, at))
      const left = tear(path, turn.given)
      if (turn.state.tag === "s") {
        // Who came meanwhile has seen that there was no place, and we have not seen that it came.
        leaving = (sharer) => left.some(({ name }) => name === sharer.name)
        continue
      }
      if (turn.state.tag === "f") settle(path, turn.state)
      else if (left.length > 0) takeBack(path, turn.state, left)
      return had
    }
  }

  /** It is given to some who have left. */
  const takeBack = (path: string, given: State.State, left: ReadonlyArray<State.State>): void => {
    if (given.tag === "s") return void pass(path, (sharer) => left.some(({ name }) => name === sharer.name))
    const back = freed(given, now())
    if (Directory.move(path, given, back)) settle(path, back)
  }

  /** It is free. Those who wait for it come by themselves if we cannot tell them. */
  const settle = (path: string, state: State.State): void => {
    free.set(path, state)
    Failure.works(() => grant(path, state))
    if (free.has(path)) gaveBack()
  }

  // ---------------------------------------------------------------------------
  // Keeping and giving back
  // ---------------------------------------------------------------------------

  /** Moves the token's lease on, from what we know of it or from what it is; undefined when it has none. */
  const change = (path: string, token: string, to: (state: State.State, at: number) => State.State) => {
    let state = held.get(path)
    // Another store may have asked for the same token.
    if (state?.token !== token || !State.isLive(state, now())) ({ state } = Directory.look(path))
    while (true) {
      const at = now()
      if (state?.token !== token || !State.isLive(state, at)) {
        if (held.get(path)?.token === token) held.delete(path)
        return undefined
      }
      const next = to(state, at)
      if (Directory.move(path, state, next)) return next
      ;({ state } = Directory.look(path))
    }
  }

  const extend = ({ expiresMillis, key, outlives, token }: Holding): boolean => {
    const path = pathOf(key)
    const expires = Math.ceil(expiresMillis)
    const to = ({ fence, owner, share }: State.State, at: number) =>
      State.make("h", fence, at, expires, token, outlives === true ? Host.nobody : owner, share)
    const next = sharing.has(token) ? undefined : change(path, token, to)
    if (next !== undefined) held.set(path, next)
    return next !== undefined || renew(path, token, to) !== undefined
  }

  /** From one token to another, past those who wait. */
  const transfer = (from: string, { expiresMillis, key, outlives, token }: Claim): Attempt => {
    const path = pathOf(key)
    const expires = Math.ceil(expiresMillis)
    const to = (state: State.State, at: number) => leaseOf(token, fenceAfter(state.fence), at, expires, outlives)
    const next = change(path, from, to) ?? change(path, token, to)
    if (next !== undefined) return acquired(path, next)
    const occupant = inspect(key)
    return { _tag: "Held", token: occupant?.token, remainingMillis: occupant?.remainingMillis }
  }

  const freed = (state: State.State, at: number): State.State =>
    State.make("f", state.fence, at, 0, state.token, Host.self)

  const release = (key: string, token: string): boolean => {
    const path = pathOf(key)
    // First the ticket, then the lease: nobody gives the key to a ticket that is no longer there.
    const waited = queue.leave(token)
    if (waited) blocked.delete(path)
    if (wanted.delete(path) && handOn(path, token)) return true
    const next = sharing.delete(token) ? undefined : change(path, token, freed)
    // Whoever leaves the queue of a shared key may let in those behind it.
    if (next === undefined) return pass(path, (sharer) => sharer.token === token)
    held.delete(path)
    settle(path, next)
    return true
  }

  /** From us to who waits, without freeing the key in between: not if nobody does, or the key is not ours any more. */
  const handOn = (path: string, token: string): boolean => {
    const state = held.get(path)
    if (state?.token !== token) return false
    const line = Directory.tickets(path)
    const at = now()
    if (line.length === 0 || !State.isLive(state, at)) return false
    const turn = turnTo(path, state, at, [], line)
    if (turn.given.length === 0 || !Directory.advance(path, { state, lists: [] }, turn.state, turn.sharers)) {
      return false
    }
    held.delete(path)
    const left = tear(path, turn.given)
    if (left.length > 0) Failure.works(() => takeBack(path, turn.state, left))
    return true
  }

  /** Gives a key that is free to the first who waits, or to as many as can share it, and tears the tickets. */
  const grant = (path: string, from: State.State): void => {
    const line = Directory.tickets(path)
    if (line.length === 0) return
    const { given, sharers, state } = turnTo(path, from, now(), [], line)
    if (given.length === 0) return
    free.delete(path)
    if (!Directory.advance(path, { state: from, lists: [] }, state, sharers)) return
    // Whose ticket was taken back before has left, perhaps without having seen that it has the key.
    const left = tear(path, given)
    if (left.length > 0) takeBack(path, state, left)
  }

  const occupants = (key: string): ReadonlyArray<Occupant> => {
    const { queue: waiting, sharers, state } = Directory.look(pathOf(key))
    const at = now()
    if (state === undefined) return []
    const there = livingOf(state.tag === "s" ? sharers : [state], at)
    return byEnd(there, at).map((lease) => ({
      token: lease.token,
      remainingMillis: remainingMillis(lease, at),
      waiters: waiting.length,
      ...(lease.share !== undefined && { permits: lease.share.permits })
    }))
  }

  const inspect = (key: string): Occupant | undefined => occupants(key)[0]

  /** What is no lock is held by nobody. */
  const inspectOurs = (key: string): Occupant | undefined => {
    try {
      return inspect(key)
    } catch (error) {
      if (error instanceof Failure.Foreign || Failure.codeOf(error) === "ENOTDIR") return undefined
      throw error
    }
  }

  /** In the order of their names, so that a page goes on where the one before ended. */
  const list = (prefix: string, from: string | undefined): Page => {
    const names = Directory.names(root).toSorted()
    const left = names.filter((name) => (from === undefined || name > from) && Paths.keyOf(name)?.startsWith(prefix))
    const page = left.slice(0, pageSize)
    const locks = page.flatMap((name) => {
      const key = Paths.keyOf(name)!
      const occupant = inspectOurs(key)
      return occupant === undefined ? [] : [{ key, ...occupant }]
    })
    return left.length > pageSize ? { locks, next: page[pageSize - 1] } : { locks }
  }

  const remove = (path: string, idleMillis: number): void => {
    const seen = Directory.look(path)
    const { queue: waiting, state } = seen
    if (state === undefined || waiting.length > 0 || State.idleMicros(state, now()) < idleMillis * 1000) return
    rememberFence(state.fence)
    Directory.remove(path, { ...seen, state }, State.make("d", state.fence, now(), 0, state.token, Host.self))
  }

  const gaveBack = yield* Idle.make(root, free, keepIdleMillis, remove)

  // ---------------------------------------------------------------------------
  // As effects
  // ---------------------------------------------------------------------------

  const run = <A>(operation: string, key: string | undefined, f: () => A): Exit.Exit<A, BackendFailure> => {
    try {
      return Exit.succeed(f())
    } catch (cause) {
      try {
        return Exit.fail(Failure.make(operation, key, cause))
      } catch (defect) {
        return Exit.die(defect)
      }
    }
  }

  const listen = (_key: string, token: string, notify: (grant: Grant | undefined) => void) =>
    queue.listen(token, (waiting) => notify(confirm(waiting)))

  const callbacks = {
    tryAcquire: (claim: Claim, call: Settling<Attempt>) =>
      call.settle(run("acquire", claim.key, () => tryAcquire(claim))),
    release: (key: string, token: string, call: Settling<boolean>) =>
      call.settle(run("release", key, () => release(key, token))),
    listen
  }

  /** All who wait in this process look at the same moment, and no other process with them. */
  const phase = Math.random() * pollMillis
  const untilNextLook = (): number => {
    const left = pollMillis - (now() / 1000 + phase) % pollMillis
    // A timer may be a little early.
    return left < pollMillis / 10 ? left + pollMillis : left
  }

  /** Waiters are woken, so they look by themselves only in case the one who would wake them died; trouble is looked at sooner. */
  const retry: Schedule.Schedule<unknown> = Schedule.spaced(Duration.millis(pollMillis)).pipe(
    Schedule.modifyDelay(({ attempt, input }) =>
      Effect.sync(() =>
        Duration.millis(
          input instanceof BackendFailure
            ? Math.min(250, 10 * 1.5 ** Math.min(attempt, 16)) * (0.8 + 0.4 * Math.random())
            : untilNextLook()
        )
      )
    )
  )

  return withShortcuts({
    name: Failure.backend,
    drift: 0,
    maxExpires: longestLease,
    retry,
    handOver,
    shares: true,
    tryAcquire: (claim) => Effect.suspend(() => run("acquire", claim.key, () => tryAcquire(claim))),
    extend: (holding) => Effect.suspend(() => run("extend", holding.key, () => extend(holding))),
    release: (key, token) => Effect.suspend(() => run("release", key, () => release(key, token))),
    transfer: (from, claim) => Effect.suspend(() => run("acquire", claim.key, () => transfer(from, claim))),
    inspect: (key) => Effect.suspend(() => run("inspect", key, () => Option.fromUndefinedOr(inspect(key)))),
    holders: (key) => Effect.suspend(() => run("inspect", key, () => occupants(key))),
    list: (prefix, from) => Effect.suspend(() => run("list", undefined, () => list(prefix, from))),
    listen: (key, token, notify) =>
      Effect.acquireRelease(Effect.sync(() => listen(key, token, notify)), (end) => Effect.sync(end)),
    watch: (key, notify) =>
      Effect.acquireRelease(Effect.sync(() => News.of(root, key, notify)), (end) => Effect.sync(end))
  }, { callbacks })
})
