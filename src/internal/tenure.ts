/** A process's hold of a key, and the lease that its current fiber has of it. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Taken } from "../LockBackend.ts"
import { LockError, LockLost } from "../LockError.ts"
import type { Running } from "./call.ts"
import type { Engine } from "./engine.ts"
import type { Line } from "./line.ts"

/** Why a lease ended before its holder gave it back. */
export type Why = "Expired" | "Taken" | "Closed"

/** An extension, or an earlier claim, that is out. */
export interface Sent {
  readonly call: Running<unknown, unknown>
  readonly expiresMillis: number
}

const none: ReadonlyArray<Sent> = []

/**
 * From the store's answer to the release of the token. Fibers of this process
 * may have it one after the other; the keeper renews it throughout.
 */
export class Tenure {
  readonly line: Line
  readonly token: string
  readonly renew: boolean
  readonly fencingToken: number
  /** When it became ours. */
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
  private out: ReadonlyArray<Sent> = none

  constructor(
    line: Line,
    token: string,
    renew: boolean,
    expiresMillis: number,
    fencingToken: number,
    since: number,
    deadline: number
  ) {
    this.line = line
    this.token = token
    this.renew = renew
    this.expiresMillis = expiresMillis
    this.fencingToken = fencingToken
    this.since = since
    this.deadline = deadline
    this.renewAt = renew ? since + (deadline - since) / 3 : Infinity
  }

  get key(): string {
    return this.line.key
  }

  /**
   * What an extension that is sent now is sure to leave us: a shorter one whose
   * reply is still out may be executed after it, even if it is answered before.
   */
  get extensionMillis(): number {
    return this.out.reduce((least, { expiresMillis }) => Math.min(least, expiresMillis), this.expiresMillis)
  }

  sentShorter(expiresMillis: number): ReadonlyArray<Sent["call"]> {
    return this.out.filter((sent) => sent.expiresMillis < expiresMillis).map(({ call }) => call)
  }

  /** `sent` is a list of one, which those that are sent together share. */
  sending(sent: ReadonlyArray<Sent>): void {
    this.out = this.out.length === 0 ? sent : [...this.out, ...sent]
  }

  answered(call: Sent["call"]): void {
    this.out = this.out.length === 1 && this.out[0].call === call ? none : this.out.filter((sent) => sent.call !== call)
  }
}

/** One fiber's share of a tenure. */
export class HeldLease implements Taken {
  readonly _tag = "Taken"
  readonly tenure: Tenure
  readonly fencingToken: number
  readonly since: number
  released = false
  /** When the work under it ended. */
  endedAt: number | undefined = undefined
  private why: Why | undefined = undefined
  /** The first of those to be told, usually the only one, and the others. */
  private watcher: (() => void) | undefined = undefined
  private watchers: Set<() => void> | undefined = undefined
  private readonly engine: Engine

  constructor(engine: Engine, tenure: Tenure, since: number) {
    this.engine = engine
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
      if (this.released || this.why !== undefined) return Duration.zero
      return Duration.millis(Math.max(0, this.tenure.deadline - this.engine.alarms.now()))
    })
  }

  extend(expires?: Duration.Input): Effect.Effect<void, LockError> {
    return this.engine.extend(this, expires)
  }

  get release(): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => this.giveBack() ?? Effect.void))
  }

  giveBack(): Effect.Effect<void> | undefined {
    return this.engine.release(this)
  }

  get lost(): Effect.Effect<never, LockError> {
    return Effect.callback<never, LockError>((resume) => {
      const fail = () => resume(Effect.fail(this.lostError(this.why!)))
      if (this.why !== undefined) return fail()
      const unwatch = this.watch(fail)
      return Effect.sync(unwatch)
    })
  }

  /** Fails when the lease is no longer held. */
  get check(): Effect.Effect<void, LockError> {
    return Effect.suspend(() => {
      const why = this.why ?? (this.released ? "Released" : undefined)
      return why === undefined ? Effect.void : Effect.fail(this.lostError(why))
    })
  }

  watch(watcher: () => void): () => void {
    this.engine.keep(this.tenure)
    if (this.watcher === undefined) this.watcher = watcher
    else (this.watchers ??= new Set()).add(watcher)
    return () => {
      if (this.watcher === watcher) this.watcher = undefined
      else this.watchers?.delete(watcher)
    }
  }

  lose(why: Why): void {
    this.why = why
    const { watcher, watchers } = this
    this.watcher = this.watchers = undefined
    watcher?.()
    if (watchers !== undefined) { for (const watcher of watchers) watcher() }
  }

  settle<A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> {
    if (this.why === undefined && !this.released) {
      this.endedAt = this.engine.alarms.now()
      // Work that kept the process too busy for the alarm learns it now.
      if (this.endedAt >= this.tenure.deadline) this.engine.lose(this.tenure, "Expired")
    }
    if (this.why === undefined) return exit
    const lost = Cause.fail(this.lostError(this.why))
    if (exit._tag === "Success") return Exit.failCause(lost)
    // What else went wrong in the work stays visible beside the loss.
    const others = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
    return Exit.failCause(Cause.fromReasons<E | LockError>([...lost.reasons, ...others]))
  }

  private lostError(why: Why | "Released"): LockError {
    const held = Duration.millis(Math.max(0, Math.round(this.engine.alarms.now() - this.since)))
    return new LockError({ reason: new LockLost({ key: this.key, why, held }) })
  }
}
