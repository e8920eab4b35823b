/**
 * What this process has of a key: a token, until when it counts, and what has been
 * sent to extend it. It is held, then lost or released, once. It knows by an
 * interface of its own who it is had from, so that it depends on nobody.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Result from "effect/Result"
import type { Lease as Public } from "../../Lease.ts"
import { type BackendFailure, type LockError, LockLost } from "../../LockError.ts"
import type { Share } from "../../LockStore.ts"
import { type Ending, until } from "../ending.ts"
import { lockError } from "../failing.ts"
import { decodeExtension } from "../options.ts"
import type { Had, Section } from "../reentry.ts"
import type { Bearer, Hold } from "../shortcuts.ts"
import { wholeMillis } from "../time.ts"
import type { Call } from "./call.ts"

/** Why a lease is no longer held. */
export type Loss = "Expired" | "Taken" | "Closed"
export type Why = Loss | "Released"

/** A call that sets the lease of a token in the store, not yet answered. */
export interface Sent {
  readonly call: Call<unknown>
  readonly millis: number
  /** How long a lease it leaves for sure: a shorter one that was out beside it may be executed after it. */
  sure: number
}

/** Who a lease is had from, and given back to. */
export interface Lender {
  /** The same for all of a backend. */
  readonly home: object
  now(): number
  nextToken(): string
  /** It is to be renewed from now on. */
  keep(lease: Lease): void
  /** Asks the store for `millis` from now, or for as long as it was taken for. */
  extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>
  /** It counts until another time than before. */
  moved(lease: Lease): void
  /** It has been lost; it says why. */
  lost(lease: Lease): void
  /** Extends it, if need be, and leaves it to whoever knows its token: it counts no longer here. */
  detach(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>
  /** Its token is somebody else's from now on. */
  gone(lease: Lease, at: number): void
  /** It comes back. What is returned is over when the store has been told, or has had its time. */
  back(lease: Lease, at: number): Ending | undefined
}

type Watcher = () => void

const none: ReadonlyArray<Sent> = []

export class Lease implements Public, Bearer {
  lender: Lender
  readonly key: string
  fencingToken: number
  /** How long its holder waited for another, in milliseconds. */
  waitedMillis: number
  /** When its holder got it. */
  since: number
  /** How long an extension lasts. */
  expiresMillis: number
  /** It counts until then. */
  deadline: number
  /** Infinite if it is not renewed. */
  renewAt: number
  /** Where the keeper has it, or -1. */
  place = -1
  why: Why | undefined = undefined
  /** When it was lost or released, or the work under it ended. */
  endedAt = 0
  /** Its holder has given it back, lost or not. */
  isBack = false
  /** How it shares its key; without, it has it alone. */
  share: Share | undefined = undefined
  /** Of a store in this process: what it has there. */
  hold: Hold | undefined = undefined
  /** Whose work it was taken for, and what does that. */
  caller: Section["caller"] = undefined
  worker: Section["worker"] = undefined
  text: string | undefined
  private story: Story | undefined = undefined
  private watcher: Watcher | ReadonlyArray<Watcher> | undefined = undefined

  constructor(
    lender: Lender,
    key: string,
    token: string | undefined,
    fencingToken: number,
    expiresMillis: number,
    renew: boolean,
    since: number,
    deadline: number,
    waitedMillis: number
  ) {
    this.lender = lender
    this.key = key
    this.text = token
    this.fencingToken = fencingToken
    this.expiresMillis = expiresMillis
    this.since = since
    this.deadline = deadline
    this.renewAt = renew ? since + (deadline - since) / 3 : Infinity
    this.waitedMillis = waitedMillis
  }

  /** Of a store in this process: it stands for the holder there. */
  carriedBy(hold: Hold): this {
    this.hold = hold
    this.fencingToken = hold.fencingToken
    hold.bearer = this
    return this
  }

  /** Drawn when somebody asks for it. */
  get token(): string {
    return this.text ??= this.lender.nextToken()
  }

  get home(): object {
    return this.lender.home
  }

  get isHeld(): boolean {
    return this.why === undefined
  }

  leaseOf(home: object, key: string): Had | undefined {
    return this.key === key && this.home === home && this.isHeld ? this : undefined
  }

  get renews(): boolean {
    return this.renewAt < Infinity
  }

  // ---------------------------------------------------------------------------
  // For its holder
  // ---------------------------------------------------------------------------

  get waited(): Duration.Duration {
    return Duration.millis(this.waitedMillis)
  }

  get remaining(): Effect.Effect<Duration.Duration> {
    return Effect.sync(() =>
      this.isHeld ? Duration.millis(Math.max(0, this.deadline - this.lender.now())) : Duration.zero
    )
  }

  extend(expires?: Duration.Input): Effect.Effect<void, LockError> {
    return Effect.suspend(() => {
      if (expires === undefined) return this.lender.extend(this, undefined)
      const millis = decodeExtension(expires)
      return Result.isFailure(millis) ? Exit.fail(millis.failure) : this.lender.extend(this, millis.success)
    })
  }

  get release(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const ending = this.giveBack()
      return ending === undefined ? Effect.void : Effect.asVoid(until(ending))
    })
  }

  get lost(): Effect.Effect<never, LockError> {
    return Effect.callback<never, LockError>((resume) =>
      Effect.sync(this.watch(() => resume(Exit.fail(this.lostError()))))
    )
  }

  /** Fails when it is no longer held. */
  get check(): Exit.Exit<void, LockError> {
    return this.isHeld ? Exit.void : Exit.fail(this.lostError())
  }

  // ---------------------------------------------------------------------------
  // For the section that works under it
  // ---------------------------------------------------------------------------

  /** Keeps it from now on, and calls back once when it is lost: at once if it is. */
  watch(watcher: Watcher): () => void {
    if (this.isHeld) this.lender.keep(this)
    if (!this.isHeld) {
      if (this.why !== "Released") watcher()
      return constVoid
    }
    const others = this.watchers
    this.watcher = others.length === 0 ? watcher : [...others, watcher]
    return () => {
      this.watcher = this.watchers.filter((other) => other !== watcher)
    }
  }

  private get watchers(): ReadonlyArray<Watcher> {
    const { watcher } = this
    return watcher === undefined ? [] : typeof watcher === "function" ? [watcher] : watcher
  }

  /** Keeps it from now on, and calls back once when it is lost or given back: at once if it is. */
  whenGone(then: () => void): () => void {
    const unwatch = this.watch(then)
    if (!this.isHeld) {
      if (this.why === "Released") then()
      return constVoid
    }
    const { goers } = this.telling
    goers.add(then)
    return () => {
      unwatch()
      goers.delete(then)
    }
  }

  /** How work under it has ended that leaves it as it is. */
  judge<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    return this.isOver ? this.endedBy(exit, caller) : exit
  }

  /** Whoever starts work under it looks at it first. */
  get isOver(): boolean {
    if (this.isHeld) {
      const at = this.lender.now()
      if (at >= this.deadline) this.lose("Expired", at)
    }
    return !this.isHeld
  }

  /** How work under it has ended: as it did, unless the lease ended first. */
  settle<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    if (this.isHeld) {
      this.endedAt = this.lender.now()
      // Work that kept the process too busy for the alarm learns it now.
      if (this.endedAt < this.deadline) return exit
      this.lose("Expired", this.endedAt)
    }
    return this.why === "Released" ? exit : this.endedBy(exit, caller)
  }

  private endedBy<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    const lost = Cause.fail(this.lostError(caller))
    if (exit._tag === "Success") return Exit.failCause(lost)
    // What else went wrong in the work stays visible beside the loss.
    const others = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
    return Exit.failCause(Cause.fromReasons<E | LockError>([...lost.reasons, ...others]))
  }

  /** Once, whether or not it has been lost. */
  giveBack(): Ending | undefined {
    if (this.isBack) return undefined
    this.isBack = true
    this.watcher = undefined
    const at = this.endedAt === 0 ? this.lender.now() : this.endedAt
    if (this.isHeld) {
      this.why = "Released"
      this.endedAt = at
      this.story?.ended(Exit.void)
      this.story?.gone()
    }
    const ending = this.lender.back(this, at)
    this.story?.back()
    return ending
  }

  /** Leaves it to whoever knows its token. */
  detach(millis: number | undefined): Effect.Effect<void, LockError> {
    return this.lender.detach(this, millis)
  }

  /** At once: as given back, but for the store, which goes on to know its token. */
  leave(): void {
    this.isBack = true
    this.watcher = undefined
    const at = this.lender.now()
    this.why = "Released"
    this.endedAt = at
    this.story?.ended(Exit.void)
    this.story?.gone()
    this.lender.gone(this, at)
    this.story?.back()
  }

  /** Called once, when it is lost or given back. */
  whenEnded(then: (exit: Exit.Exit<void, LockError>) => void): void {
    this.telling.onEnd = then
    if (!this.isHeld) this.story?.ended(this.why === "Released" ? Exit.void : this.check)
  }

  // ---------------------------------------------------------------------------
  // For those who keep it
  // ---------------------------------------------------------------------------

  /** Until when its token keeps the key, whenever it comes back. */
  get stay(): number {
    return this.story?.stay ?? 0
  }

  set stay(until: number) {
    this.telling.stay = until
  }

  /** Called once, when it is given back. */
  whenBack(then: () => void): void {
    this.telling.onBack = then
  }

  lose(why: Loss, at: number): void {
    if (!this.isHeld) return
    this.why = why
    this.endedAt = at
    this.lender.lost(this)
    this.story?.ended(this.check)
    const { watchers } = this
    this.watcher = undefined
    for (const watcher of watchers) watcher()
  }

  /** What sets its lease in the store and is not answered. */
  get out(): ReadonlyArray<Sent> {
    return this.story?.out ?? none
  }

  set out(out: ReadonlyArray<Sent>) {
    if (out.length > 0 || this.story !== undefined) this.telling.out = out
  }

  /** The latest end in the store of what has been answered for it, our deadline aside. */
  get lastEnd(): number {
    return this.story?.lastEnd ?? 0
  }

  set lastEnd(end: number) {
    if (end > this.lastEnd) this.telling.lastEnd = end
  }

  /**
   * An extension is sent, which others that are out may overtake, and it them.
   * `alike` is shared by those that are sent together.
   */
  sending(alike: Sent): Sent {
    const { out } = this
    if (out.length === 0) {
      this.out = [alike]
      return alike
    }
    const sent: Sent = { ...alike }
    this.out = out.map((other) => {
      sent.sure = Math.min(sent.sure, other.millis)
      return other.sure <= sent.millis ? other : { ...other, sure: sent.millis }
    })
    this.out = [...this.out, sent]
    return sent
  }

  /** What is out is answered at `at`: whether it was executed or not, what it left may last until then. */
  answered(call: Call<unknown>, at: number): Sent | undefined {
    const { out } = this
    const sent = out.find((other) => other.call === call)
    if (sent === undefined) return undefined
    this.lastEnd = at + sent.millis
    this.out = out.length === 1 ? none : out.filter((other) => other !== sent)
    return sent
  }

  /** What was sent before it was had, and is executed late, starts it anew. */
  follow(out: ReadonlyArray<Sent>): void {
    if (out.length === 0) return
    this.out = out
    for (const { call } of out) call.onReply(() => this.answered(call, this.lender.now()))
  }

  /** By an answer that says yes. */
  extended(deadline: number, renewAt: number, millis: number): void {
    this.deadline = Math.max(this.deadline, deadline)
    this.expiresMillis = Math.max(this.expiresMillis, millis)
    if (this.renews) this.renewAt = Math.max(this.renewAt, renewAt)
    if (this.story !== undefined) this.story.failure = undefined
    this.lender.moved(this)
  }

  /** Why its last extension is not known to have been made. */
  get failure(): BackendFailure | undefined {
    return this.story?.failure
  }

  set failure(failure: BackendFailure | undefined) {
    this.telling.failure = failure
  }

  private get telling(): Story {
    return this.story ??= new Story()
  }

  private lostError(caller?: Fiber.Fiber<unknown, unknown>): LockError {
    const { endedAt, failure, key, since, why = "Released" } = this
    const reason = () =>
      new LockLost({
        key,
        why,
        held: wholeMillis(endedAt - since),
        ...(why === "Expired" && failure !== undefined && { failure })
      })
    return lockError(reason, caller)
  }
}

/** What only some leases have: those that live long, are traced, or are in a scope. */
class Story {
  out: ReadonlyArray<Sent> = none
  lastEnd = 0
  stay = 0
  failure: BackendFailure | undefined = undefined
  onEnd: ((exit: Exit.Exit<void, LockError>) => void) | undefined = undefined
  onBack: (() => void) | undefined = undefined
  readonly goers = new Set<() => void>()

  ended(exit: Exit.Exit<void, LockError>): void {
    const { onEnd } = this
    this.onEnd = undefined
    onEnd?.(exit)
  }

  gone(): void {
    for (const then of this.goers) then()
    this.goers.clear()
  }

  back(): void {
    const { onBack } = this
    this.onBack = undefined
    onBack?.()
  }
}
