/**
 * Several keys in a world of a seed: those who want some of them together, in any
 * order; those who want one; work under leases that one has, which are lost or given
 * back before it begins or meanwhile; and those who wait until a key is free.
 */
import { type Cause, Effect, Exit } from "effect"
import { Lock, type LockError } from "effect-lock"
import type { Kind } from "./plan.ts"
import { type Asking, type Interruption, type Outcome, Stage } from "./stage.ts"
import type { Host } from "./witness.ts"

const keys = ["a", "b", "c"]

const themes = {
  watched: "one key, which some have, and others wait to see free",
  crowded: "keys that are held for long, one after the other, and those who want all of them, and soon"
} as const

/** How long somebody who hears of news may go on waiting for a key that is free, and one who looks each second. */
const lookMillis = 100
const everyMillis = 1_000
const slackMillis = 5
/** What times that were added up may be apart. */
const slightestMillis = 0.001

/** One that waits until a key is free. */
interface Awaiting {
  readonly host: Host
  readonly key: string
  /** Since when it has been seen free, and there is nothing that keeps this one from knowing. */
  since: number | undefined
  wasFree: boolean
}

class Several extends Stage {
  private readonly awaiting = new Set<Awaiting>()
  /** What many worlds are about, most of all those that are judged by the time that things take. */
  private readonly theme = this.world.random.pick<keyof typeof themes | undefined>(
    this.calm ? ["watched", "watched", "crowded", undefined] : ["watched", undefined, undefined, undefined]
  )
  private deaths = 0

  protected override look(): void {
    const { now } = this.world
    for (const one of this.awaiting) {
      const { host: { link, process }, key } = one
      one.wasFree ||= this.backing.holders(key).length === 0
      const isBusy = this.backing.wanted(key) || !process.isIdle || process.isStopped
      one.since = isBusy || !this.calm ? undefined : one.since ?? now
      const most = link.store.watch === undefined ? everyMillis + lookMillis : lookMillis
      if (one.since !== undefined && now > one.since + most) {
        this.object("asleep", `${process.name} waits until ${key} is free`)
      }
    }
  }

  protected draw(host: Host): Asking {
    const { random } = this.world
    const expires = random.pick([60, 300, 8_000])
    const timeout = random.pick([Infinity, Infinity, 0, 50, 1_000])
    const key = random.pick(keys)
    const n = random.int(100)
    if (this.theme === "watched") {
      const once = n < 40 ? this.until(host, "a", Infinity) : n < 60 ? this.dying(host, "a") : this.watched("a", host)
      const pause = random.millis(0.125, random.pick([20, 300, 900]))
      return Effect.repeat(Effect.andThen(once, Effect.sleep(pause)), { times: 3 })
    }
    if (this.theme === "crowded") {
      if (n < 50) return this.together(host, 8_000, random.pick([50, 300]), keys)
      const millis = random.millis(20, 400)
      return Lock.withLock((lease) => this.section(host, [lease], 8_000, false, millis), key, { expires: 8_000 })
    }
    this.world.log(() => `${host.process.name} draws ${n}: ${key} for ${expires}, ${timeout}`)
    if (n < 50) return this.together(host, expires, timeout)
    if (n < 60) return Lock.withLock((lease) => this.section(host, [lease], expires), key, { expires, timeout })
    if (n < 75) return this.guarding(host, key, expires, timeout)
    if (n < 80) return this.force(host, key)
    return this.until(host, key, random.pick([Infinity, 1_500]))
  }

  /** Has a key, for which others begin to wait just before it is given back. */
  private watched(key: string, host: Host): Asking {
    return Lock.withLock(
      (lease) => {
        const { random } = this.world
        const millis = random.millis(0.125, random.pick([20, 500]))
        for (let i = 0; i < 3; i++) {
          const before = random.millis(0, 4 * this.weather.delayMillis)
          this.ask(Math.max(0.125, millis - before), (host) => this.until(host, key, Infinity))
        }
        return this.section(host, [lease], 8_000, false, millis)
      },
      key,
      { expires: 8_000 }
    )
  }

  /** A key is taken by one who is never heard of again. */
  private dying(host: Host, key: string): Asking {
    const { store } = host.link
    const claim = { key, token: `died-${this.deaths++}`, expiresMillis: this.world.random.pick([60, 300]), wait: false }
    return Effect.ignoreCause(Effect.timeoutOption(Effect.suspend(() => store.tryAcquire(claim)), 1_000))
  }

  /** In any order, some of them twice. */
  private some(): ReadonlyArray<string> {
    const { random } = this.world
    return Array.from({ length: 2 + random.int(3) }, () => random.pick(keys))
  }

  private together(host: Host, expires: number, timeout: number, wanted = this.some()): Asking {
    const { process } = host
    const count = new Set(wanted).size
    const work = (leases: ReadonlyArray<Lock.Lease>) =>
      Effect.flatMap(
        Effect.sync(() => {
          entered = true
          return Array.from(new Set(leases))
        }),
        (leases) => this.section(host, leases, expires, true)
      )
    let entered = false
    return Effect.suspend(() => {
      entered = false
      const startedAt = process.now
      const { lag } = process
      return Effect.onExit(Lock.withLocks(work, wanted, { expires, timeout }), (exit) =>
        Effect.sync(() => {
          if (entered || Exit.isSuccess(exit)) return
          // Trouble with a store may pass, and is waited out like a holder.
          const isEarly = process.now < startedAt + timeout - slightestMillis
          if (isEarly && exit.cause.reasons.some(isGivingUp)) {
            this.object("early", `${process.name} gives several keys up: ${exit.cause}`)
          }
          if (!this.calm) return
          // All at once, and then each in turn; behind others of its process, which ask first.
          const trips = 2 * (3 + 2 * count) * this.weather.delayMillis
          const took = process.now - startedAt - (process.lag - lag)
          if (took > timeout + trips + slackMillis) {
            this.object("outlasts", `${process.name} took ${took} ms to give up`)
          }
        }))
    })
  }

  /** Works under a lease that it has had for a while, and that somebody may end before that or meanwhile. */
  private guarding(host: Host, key: string, expires: number, timeout: number): Asking {
    const { random } = this.world
    const renew = random.chance(0.5)
    const pause = random.pick([0, 0, 20, Math.min(2 * expires, 700)])
    const end = random.pick([undefined, undefined, 0, 10, 100])
    const how = random.pick(["release", "force"] as const)
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      const lease = yield* Lock.acquire(key, { expires, timeout, renew })
      if (end !== undefined) {
        const ending = how === "release" ? lease.release : Effect.ignore(this.force(host, key))
        yield* Effect.forkChild(Effect.delay(ending, end), { startImmediately: true })
      }
      if (pause > 0) yield* Effect.sleep(pause)
      const exit = yield* Effect.exit(Lock.guard(lease)(this.section(host, [lease], expires, true)))
      if (Exit.isFailure(exit)) {
        if (!exit.cause.reasons.every(isLoss)) this.object("died", String(exit.cause))
      } else if (exit.value[0].overAt !== undefined) {
        this.object("untold", `the work of ${host.process.name} under ${key}`)
      }
    }))
  }

  private force(host: Host, key: string): ReturnType<typeof Lock.forceRelease> {
    return Effect.suspend(() => {
      host.link.forcing.add(key)
      for (const holder of this.backing.holders(key)) this.backing.forgotten.add(holder)
      return Lock.forceRelease(key)
    })
  }

  private until(host: Host, key: string, timeout: number): Asking {
    return Effect.suspend(() => {
      const one: Awaiting = { host, key, since: undefined, wasFree: this.backing.holders(key).length === 0 }
      this.awaiting.add(one)
      return Effect.onExit(Lock.awaitFree(key, { timeout }), (exit) =>
        Effect.sync(() => {
          this.awaiting.delete(one)
          if (Exit.isSuccess(exit) && !one.wasFree) this.object("looksFree", `${host.process.name} and ${key}`)
        }))
    })
  }
}

const isGivingUp = (reason: Cause.Reason<LockError.LockError>): boolean => {
  if (reason._tag !== "Fail") return false
  const error = reason.error.reason
  return error._tag === "LockTimeout" || (error._tag === "BackendFailure" && error.retryable)
}

const isLoss = (reason: Cause.Reason<LockError.LockError>): boolean =>
  reason._tag === "Fail" && reason.error.reason._tag === "LockLost"

export const play = (seed: number, kind: Kind, interrupt?: Interruption, traced = false): Outcome =>
  new Several(seed, kind, keys, [3, 5], interrupt, traced).play()
