/** A process's hold of a key, and the lease that its current fiber has of it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Taken } from "../LockBackend.ts"
import { LockError, LockLost } from "../LockError.ts"
import type { Engine } from "./engine.ts"
import type { Line } from "./line.ts"

/** Why a lease ended before its holder gave it back. */
export type Why = "Expired" | "Taken" | "Closed"

/**
 * From the store's answer to the release of the token. Fibers of this process
 * may hold it one after the other; the keeper renews it throughout.
 */
export class Tenure {
  readonly line: Line
  readonly token: string
  readonly renew: boolean
  readonly fencingToken: number
  /** When the store gave it to us. */
  readonly since: number
  /** How long an extension lasts. */
  expiresMillis: number
  /** We count as the holder until then, by the monotonic clock. */
  deadline: number
  renewAt: number
  /** How often it has been handed over. */
  handed = 0
  /** Whose it is; undefined while it passes from fiber to fiber. */
  lease: HeldLease | undefined = undefined
  state: "Held" | "Lost" | "Released" = "Held"
  /** Extensions whose reply is still out. */
  readonly extending = new Set<Fiber.Fiber<unknown, unknown>>()

  constructor(options: {
    readonly line: Line
    readonly token: string
    readonly renew: boolean
    readonly fencingToken: number
    readonly since: number
    readonly expiresMillis: number
    readonly deadline: number
  }) {
    this.line = options.line
    this.token = options.token
    this.renew = options.renew
    this.fencingToken = options.fencingToken
    this.since = options.since
    this.expiresMillis = options.expiresMillis
    this.deadline = options.deadline
    this.renewAt = options.renew ? this.since + (options.deadline - this.since) / 3 : Infinity
  }
}

/** One fiber's share of a tenure. */
export class HeldLease implements Taken {
  readonly _tag = "Taken"
  readonly engine: Engine
  readonly tenure: Tenure
  readonly fencingToken: number
  readonly since: number
  released = false
  why: Why | undefined = undefined
  private watchers: Set<() => void> | undefined = undefined

  constructor(engine: Engine, tenure: Tenure, since: number) {
    this.engine = engine
    this.tenure = tenure
    this.fencingToken = tenure.fencingToken + tenure.handed
    this.since = since
    tenure.lease = this
  }

  get key(): string {
    return this.tenure.line.key
  }

  get remaining(): Effect.Effect<Duration.Duration> {
    return Effect.sync(() =>
      Duration.millis(
        this.released || this.why !== undefined ? 0 : Math.max(0, this.tenure.deadline - this.engine.alarms.now())
      )
    )
  }

  extend(expires?: Duration.Input): Effect.Effect<void, LockError> {
    return this.engine.extend(this, expires)
  }

  get release(): Effect.Effect<void> {
    return Effect.uninterruptible(this.engine.release(this))
  }

  get lost(): Effect.Effect<never, LockError> {
    return Effect.callback<never, LockError>((resume) => {
      if (this.why !== undefined) return resume(Effect.fail(this.lostError(this.why)))
      const unwatch = this.watch(() => resume(Effect.fail(this.lostError(this.why!))))
      return Effect.sync(unwatch)
    })
  }

  lostError(why: Why | "Released"): LockError {
    const held = Duration.millis(Math.max(0, Math.round(this.engine.alarms.now() - this.since)))
    return new LockError({ reason: new LockLost({ key: this.key, why, held }) })
  }

  watch(watcher: () => void): () => void {
    ;(this.watchers ??= new Set()).add(watcher)
    this.engine.keep(this.tenure)
    return () => this.watchers?.delete(watcher)
  }

  lose(why: Why): void {
    this.why = why
    const watchers = this.watchers
    this.watchers = undefined
    if (watchers !== undefined) { for (const watcher of watchers) watcher() }
  }

  /** The exit of work that ran under this lease: its own, unless the lease ended before the work did. */
  settle<A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> {
    if (this.why === undefined && this.engine.alarms.now() >= this.tenure.deadline && !this.released) {
      this.engine.lose(this.tenure, "Expired")
    }
    return this.why === undefined ? exit : this.engine.lostExit(this.lostError(this.why), exit)
  }
}
