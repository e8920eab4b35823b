/** The store, assembled from its parts. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, Extension, Grant, LockStore } from "../../LockStore.ts"
import { Notices } from "../notices.ts"
import { soonerAfterFailure } from "../retry.ts"
import { type Settling, withShortcuts } from "../shortcuts.ts"
import { longestLease } from "../time.ts"
import * as Acquiring from "./acquiring.ts"
import * as Failure from "./failure.ts"
import * as Fences from "./fences.ts"
import * as Front from "./front.ts"
import type { Ground } from "./ground.ts"
import * as Holdings from "./holdings.ts"
import * as Idle from "./idle.ts"
import * as Inspecting from "./inspecting.ts"
import * as Lease from "./lease.ts"
import * as News from "./news.ts"
import * as Paths from "./paths.ts"
import * as Queue from "./queue.ts"
import * as Releasing from "./releasing.ts"
import * as Sharing from "./sharing.ts"

export interface Settings {
  readonly root: string
  readonly pollMillis: number
  readonly keepIdleMillis: number
  readonly detectDead: boolean
}

/** Runs an operation; an error that is not one of the system is a defect. */
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

export const make = Effect.fnUntraced(function*(
  { detectDead, keepIdleMillis, pollMillis, root }: Settings
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe() / 1000n)
  const fences = Fences.make(root, now, () => clock.currentTimeMillisUnsafe())
  const ground: Ground = { root, now, fences, isThere: Lease.isThere(detectDead) }

  const idle = yield* Idle.make(ground, keepIdleMillis)
  const notices = yield* Effect.acquireRelease(
    Effect.sync(() => new Notices()),
    (notices) => Effect.sync(() => notices.close())
  )
  const queue = Queue.make(pollMillis, notices)
  const front = Front.make()
  const holdings = Holdings.make(ground, { idle, queue, front })
  const releasing = Releasing.make(ground, { idle, queue, front, holdings })
  const ask = Sharing.make(ground, { front, holdings, releasing })
  const acquiring = Acquiring.make(ground, { idle, queue, front, holdings, ask })
  const inspecting = Inspecting.make(ground)

  const pathOf = (key: string): string => Paths.pathOf(root, key)

  const tryAcquire = (claim: Claim): Attempt => acquiring.tryAcquire(pathOf(claim.key), claim)

  const extend = ({ expiresMillis, key, outlives, token }: Extension): boolean =>
    holdings.extend(pathOf(key), { token, expires: Math.ceil(expiresMillis), outlives })

  const release = (key: string, token: string): boolean => releasing.release(pathOf(key), token)

  const transfer = (from: string, claim: Claim): Attempt => {
    const attempt = acquiring.transfer(pathOf(claim.key), from, claim)
    if (attempt !== undefined) return attempt
    const [holder] = inspecting.holders(claim.key)
    return { _tag: "Held", token: holder?.token, remainingMillis: holder?.remainingMillis }
  }

  const listen = (_key: string, token: string, notify: (grant: Grant | undefined) => void) =>
    queue.listen(token, (waiting) => acquiring.hear(waiting, notify))

  const callbacks = {
    tryAcquire: (claim: Claim, call: Settling<Attempt>) =>
      call.settle(run("acquire", claim.key, () => tryAcquire(claim))),
    release: (key: string, token: string, call: Settling<boolean>) =>
      call.settle(run("release", key, () => release(key, token))),
    listen
  }

  /** All waiters of this process look at the same moment, but not at that of other processes. */
  const phase = Math.random() * pollMillis
  const untilNextLook = (): number => {
    const left = pollMillis - (now() / 1000 + phase) % pollMillis
    // Timers may fire a little early.
    return left < pollMillis / 10 ? left + pollMillis : left
  }

  /**
   * Waiters are notified, and look by themselves only in case the process that should notify them
   * has died.
   */
  const retry = Schedule.spaced(Duration.millis(pollMillis)).pipe(
    Schedule.modifyDelay(() => Effect.sync(() => Duration.millis(untilNextLook()))),
    soonerAfterFailure
  )

  return withShortcuts({
    name: Failure.backend,
    drift: 0,
    maxExpires: longestLease,
    retry,
    handOver: Fences.handOver,
    shares: true,
    tryAcquire: (claim) => Effect.suspend(() => run("acquire", claim.key, () => tryAcquire(claim))),
    extend: (holding) => Effect.suspend(() => run("extend", holding.key, () => extend(holding))),
    release: (key, token) => Effect.suspend(() => run("release", key, () => release(key, token))),
    transfer: (from, claim) => Effect.suspend(() => run("acquire", claim.key, () => transfer(from, claim))),
    inspect: (key) =>
      Effect.suspend(() => run("inspect", key, () => Option.fromUndefinedOr(inspecting.holders(key)[0]))),
    holders: (key) => Effect.suspend(() => run("inspect", key, () => inspecting.holders(key))),
    observe: notices.observe,
    list: (prefix, from) => Effect.suspend(() => run("list", undefined, () => inspecting.list(prefix, from))),
    listen: (key, token, notify) =>
      Effect.acquireRelease(Effect.sync(() => listen(key, token, notify)), (end) => Effect.sync(end)),
    watch: (key, notify) =>
      Effect.acquireRelease(Effect.sync(() => News.of(root, key, notify)), (end) => Effect.sync(end))
  }, { callbacks })
})
