/** One fiber's share of a tenure. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Taken } from "../LockBackend.ts"
import { LockError, LockLost } from "../LockError.ts"
import { type Engine, now } from "./engine.ts"
import { release } from "./giving.ts"
import { extend, keep, lose } from "./keeping.ts"
import type { Tenure, Why } from "./tenure.ts"
import { wholeMillis } from "./time.ts"

/** Usually there is one or none, so a list of its own for each would be a waste. */
const none: ReadonlyArray<never> = []

export class HeldLease implements Taken {
  readonly _tag = "Taken"
  readonly tenure: Tenure
  readonly fencingToken: number
  readonly since: number
  released = false
  /** When the work under it ended. */
  endedAt: number | undefined
  #why: Why | undefined
  #watchers: ReadonlyArray<() => void> = none
  readonly #engine: Engine

  constructor(engine: Engine, tenure: Tenure, since: number) {
    this.#engine = engine
    this.tenure = tenure
    this.fencingToken = tenure.fencingToken + tenure.handed
    this.since = since
    tenure.lease = this
  }

  get key(): string {
    return this.tenure.key
  }

  get remaining(): Effect.Effect<Duration.Duration> {
    return Effect.sync(() => {
      if (this.released || this.#why !== undefined) return Duration.zero
      return Duration.millis(Math.max(0, this.tenure.deadline - now(this.#engine)))
    })
  }

  extend(expires?: Duration.Input): Effect.Effect<void, LockError> {
    return extend(this.#engine, this, expires)
  }

  get release(): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => this.giveBack() ?? Effect.void))
  }

  giveBack(): Effect.Effect<void> | undefined {
    return release(this.#engine, this)
  }

  get lost(): Effect.Effect<never, LockError> {
    return Effect.callback<never, LockError>((resume) => {
      const fail = () => resume(Effect.fail(this.#lostError(this.#why!)))
      if (this.#why !== undefined) return fail()
      const unwatch = this.watch(fail)
      return Effect.sync(unwatch)
    })
  }

  /** Fails when the lease is no longer held. */
  get check(): Effect.Effect<void, LockError> {
    return Effect.suspend(() => {
      const why = this.#why ?? (this.released ? "Released" : undefined)
      return why === undefined ? Effect.void : Effect.fail(this.#lostError(why))
    })
  }

  watch(watcher: () => void): () => void {
    keep(this.#engine, this.tenure)
    this.#watchers = [...this.#watchers, watcher]
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher)
    }
  }

  lose(why: Why): void {
    this.#why = why
    for (const watcher of this.#watchers) watcher()
  }

  settle<A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> {
    if (this.#why === undefined && !this.released) {
      this.endedAt = now(this.#engine)
      // Work that kept the process too busy for the alarm learns it now.
      if (this.endedAt >= this.tenure.deadline) lose(this.#engine, this.tenure, "Expired")
    }
    if (this.#why === undefined) return exit
    const lost = Cause.fail(this.#lostError(this.#why))
    if (exit._tag === "Success") return Exit.failCause(lost)
    // What else went wrong in the work stays visible beside the loss.
    const others = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
    return Exit.failCause(Cause.fromReasons<E | LockError>([...lost.reasons, ...others]))
  }

  #lostError(why: Why | "Released"): LockError {
    const held = wholeMillis(now(this.#engine) - this.since)
    return new LockError({ reason: new LockLost({ key: this.key, why, held }) })
  }
}
