/** The store: what the contract asks for, by the states of a key. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, Grant, Holding, LockStore, Occupant, Page } from "../../LockStore.ts"
import { type Settling, withShortcuts } from "../shortcuts.ts"
import * as Directory from "./directory.ts"
import * as Failure from "./failure.ts"
import * as Host from "./host.ts"
import * as Idle from "./idle.ts"
import * as News from "./news.ts"
import * as Paths from "./paths.ts"
import * as Queue from "./queue.ts"
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
    outlives: boolean | undefined
  ): State.State => State.make("h", fence, since, expires, token, outlives === true ? Host.nobody : Host.self)

  const acquired = (path: string, state: State.State): Attempt => {
    free.delete(path)
    held.set(path, state)
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

  const tryAcquire = ({ expiresMillis, key, outlives, token, wait }: Claim): Attempt => {
    const path = pathOf(key)
    const expires = Math.ceil(expiresMillis)
    const left = free.get(path)
    if (left !== undefined) {
      const next = leaseOf(token, fenceAfter(left.fence), now(), expires, outlives)
      if (Directory.move(path, left, next)) return acquired(path, next)
      free.delete(path)
    }
    for (let hasEntered = false;;) {
      const { queue: waiting, state } = Directory.look(path)
      const at = now()
      if (state === undefined) {
        const made = create(path, token, expires, outlives)
        if (made !== undefined) return acquired(path, made)
        continue
      }
      const isLive = State.isLive(state, at)
      const isOurs = isLive && state.token === token
      if (isLive && !isOurs && !isGone(state)) {
        // Whoever gives it back looks for tickets after that, and we look at the state after the ticket: one sees the other.
        if (wait && !hasEntered && !waiting.some((ticket) => ticket.token === token)) {
          queue.enter(path, token, expires, at, outlives)
          hasEntered = true
          continue
        }
        const remainingMillis = (state.since - at) / 1000 + state.expires
        const waiters = waiting.length
        return {
          _tag: "Held",
          token: state.token,
          remainingMillis: remainingMillis + Math.random() * Math.min(waiters, mostJitterMillis),
          waiters
        }
      }
      const next = leaseOf(token, isOurs ? state.fence : fenceAfter(state.fence), at, expires, outlives)
      if (!Directory.move(path, state, next)) continue
      // The one it was given to is deaf, and others may be. Who is not writes a new ticket, in the place it had.
      if (state.tag === "g" && !isOurs) { for (const { name } of waiting) Directory.take(path, name) }
      return acquired(path, next)
    }
  }

  /** Our ticket was torn: whoever did that has given us the key, if it still is ours. */
  const confirm = ({ expires, outlives, path, token }: Queue.Waiting): Grant | undefined => {
    let grant: Grant | undefined
    // What cannot be found out now is found out when we ask.
    Failure.works(() => {
      while (true) {
        const { state } = Directory.look(path)
        const at = now()
        if (state?.token !== token || !State.isLive(state, at)) return
        const next = leaseOf(token, state.fence, at, expires, outlives)
        if (!Directory.move(path, state, next)) continue
        acquired(path, next)
        grant = { fencingToken: next.fence, sinceMillis: at / 1000, leaseMillis: expires }
        return
      }
    })
    return grant
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
    const ownerOf = ({ owner }: State.State) => outlives === true ? Host.nobody : owner
    const next = change(path, token, (state, at) => State.make("h", state.fence, at, expires, token, ownerOf(state)))
    if (next !== undefined) held.set(path, next)
    return next !== undefined
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
    queue.leave(token)
    const next = change(path, token, freed)
    if (next === undefined) return false
    held.delete(path)
    free.set(path, next)
    // It is free. Those who wait for it come by themselves if we cannot tell them.
    Failure.works(() => grant(path, next))
    if (free.has(path)) gaveBack()
    return true
  }

  /** Gives a key to the first who waits, and tears the ticket. */
  const grant = (path: string, from: State.State): void => {
    for (const { expires, name, owner, token } of Directory.tickets(path)) {
      if (Host.isGone(owner)) {
        Directory.take(path, name)
        continue
      }
      free.delete(path)
      const given = State.make("g", fenceAfter(from.fence), now(), expires, token, owner)
      if (!Directory.move(path, from, given) || Directory.take(path, name)) return
      // The ticket was taken back before: the one who waited has left, perhaps without having seen that it has the key.
      const back = freed(given, now())
      if (!Directory.move(path, given, back)) return
      free.set(path, back)
      return grant(path, back)
    }
  }

  const inspect = (key: string): Occupant | undefined => {
    const { queue: waiting, state } = Directory.look(pathOf(key))
    const at = now()
    return state === undefined || !State.isLive(state, at) || isGone(state)
      ? undefined
      : {
        token: state.token,
        remainingMillis: (state.since - at) / 1000 + state.expires,
        waiters: waiting.length
      }
  }

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
    const { queue: waiting, state } = Directory.look(path)
    if (state === undefined || waiting.length > 0 || State.idleMicros(state, now()) < idleMillis * 1000) return
    rememberFence(state.fence)
    Directory.remove(path, state, State.make("d", state.fence, now(), 0, state.token, Host.self))
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

  const callbacks = {
    tryAcquire: (claim: Claim, call: Settling<Attempt>) =>
      call.settle(run("acquire", claim.key, () => tryAcquire(claim))),
    release: (key: string, token: string, call: Settling<boolean>) =>
      call.settle(run("release", key, () => release(key, token)))
  }

  /** Waiters are woken, so they look by themselves only in case the one who would wake them died; trouble is looked at sooner. */
  const retry: Schedule.Schedule<unknown> = Schedule.spaced(Duration.millis(pollMillis)).pipe(
    Schedule.modifyDelay(({ attempt, duration, input }) =>
      Effect.succeed(
        input instanceof BackendFailure ? Duration.millis(Math.min(250, 10 * 1.5 ** Math.min(attempt, 16))) : duration
      )
    ),
    Schedule.jittered
  )

  return withShortcuts({
    name: Failure.backend,
    drift: 0,
    maxExpires: longestLease,
    retry,
    handOver,
    tryAcquire: (claim) => Effect.suspend(() => run("acquire", claim.key, () => tryAcquire(claim))),
    extend: (holding) => Effect.suspend(() => run("extend", holding.key, () => extend(holding))),
    release: (key, token) => Effect.suspend(() => run("release", key, () => release(key, token))),
    transfer: (from, claim) => Effect.suspend(() => run("acquire", claim.key, () => transfer(from, claim))),
    inspect: (key) => Effect.suspend(() => run("inspect", key, () => Option.fromUndefinedOr(inspect(key)))),
    list: (prefix, from) => Effect.suspend(() => run("list", undefined, () => list(prefix, from))),
    listen: (_key, token, notify) =>
      Effect.acquireRelease(
        Effect.sync(() => queue.listen(token, (waiting) => notify(confirm(waiting)))),
        (close) => Effect.sync(close)
      ),
    watch: (key, notify) =>
      Effect.acquireRelease(Effect.sync(() => News.of(root, key, notify)), (end) => Effect.sync(end))
  }, { callbacks })
})
