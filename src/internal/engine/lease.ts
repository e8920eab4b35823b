/**
 * One hold on a key by this process: its token, its deadline, and the extensions that have been sent for it. It is
 * held, and then lost or released, once. It knows its lender by an interface declared here, and so depends on no
 * other part of the engine.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Result from "effect/Result"
import type { Lease as Public } from "../../Lease.ts"
import type { BackendFailure, LockError } from "../../LockError.ts"
import type { Share } from "../../LockStore.ts"
import { type Ending, until } from "../ending.ts"
import { toJSON } from "../guard.ts"
import { decodeExtension } from "../options.ts"
import type { Bearer, Hold } from "../shortcuts.ts"
import type { Call } from "./call.ts"
import { endedBy, type Loss, lostError, type Why } from "./loss.ts"
import { alsoSent, nothingSent, type Sent, without } from "./outstanding.ts"

/** What a lease is taken from and given back to. */
export interface Lender {
  /** The same object for all leases of a backend. */
  readonly home: object
  now(): number
  nextToken(): string
  /** Starts to renew the lease. */
  keep(lease: Lease): void
  /** Extends the lease in the store to `millis` from now, or by the duration it was taken for. */
  extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>
  /** The deadline has changed. */
  moved(lease: Lease): void
  /** The lease has been lost, for the reason in `lease.why`. */
  lost(lease: Lease): void
  /** Extends the lease if need be, and leaves it to whoever knows its token. It is no longer held here. */
  detach(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>
  /** The token belongs to somebody else from now on. */
  gone(lease: Lease, at: number): void
  /**
   * The lease is given back. What is returned ends when the store has confirmed the release, or has had its time
   * to.
   */
  back(lease: Lease, at: number): Ending | undefined
}

/** What a lease begins with. */
interface Terms {
  readonly key: string
  /** Undefined if it is generated on demand. */
  readonly token: string | undefined
  readonly fencingToken: number
  readonly expiresMillis: number
  readonly renew: boolean
  readonly since: number
  readonly deadline: number
}

type Watcher = () => void

export class Lease extends Inspectable.Class implements Public, Bearer {
  lender: Lender
  readonly key: string
  fencingToken: number
  /** How long the holder waited for others, in milliseconds. */
  waitedMillis = 0
  /** When the holder got it. */
  since: number
  /** The duration of an extension. */
  expiresMillis: number
  /** It is held until then. In whole milliseconds, like `renewAt` and `lastEnd`: V8 boxes other numbers. */
  deadline: number
  /** Infinity if the lease is not renewed. */
  renewAt: number
  /** Its index in the keeper's bag, or -1. */
  place = -1
  why: Why | undefined = undefined
  /** When it was lost or released, or when the work under it ended. */
  endedAt: number | undefined = undefined
  /** How it shares its key; undefined if it is exclusive. */
  share: Share | undefined = undefined
  /** The entry in the table of a store in this process. */
  hold: Hold | undefined = undefined
  text: string | undefined
  /** Extensions that have been sent and not answered. */
  out: ReadonlyArray<Sent> = nothingSent
  /** The latest time at which an answered extension may still end in the store, our own deadline aside. */
  lastEnd = 0
  private story: Story | undefined = undefined
  private watcher: Watcher | ReadonlyArray<Watcher> | undefined = undefined

  constructor(lender: Lender, { deadline, expiresMillis, fencingToken, key, renew, since, token }: Terms) {
    super()
    this.lender = lender
    this.key = key
    this.text = token
    this.fencingToken = fencingToken
    this.expiresMillis = expiresMillis
    this.since = since
    this.deadline = Math.floor(deadline)
    this.renewAt = renew ? Math.ceil(since + (deadline - since) / 3) : Infinity
  }

  /** A lease of another holder, who has the same token and deadline. */
  heir(lender: Lender, fencingToken: number, since: number): Lease {
    const { deadline, expiresMillis, key, share, token } = this
    const heir = new Lease(lender, { key, token, fencingToken, expiresMillis, renew: true, since, deadline })
    heir.share = share
    return heir
  }

  /** Puts this lease into the table of a store in this process, as its bearer. */
  carriedBy(hold: Hold): this {
    this.hold = hold
    this.fencingToken = hold.fencingToken
    hold.bearer = this
    return this
  }

  /** Generated on demand. */
  get token(): string {
    return this.text ??= this.lender.nextToken()
  }

  get home(): object {
    return this.lender.home
  }

  get isHeld(): boolean {
    return this.why === undefined
  }

  /** A folded line is never vacant. */
  get vacant(): boolean {
    return false
  }

  /** Its holder has given it back, whether or not it had been lost before. */
  get isBack(): boolean {
    return this.why === "Released" || this.story?.isBack === true
  }

  get renews(): boolean {
    return this.renewAt < Infinity
  }

  // ---------------------------------------------------------------------------
  // For its holder
  // ---------------------------------------------------------------------------

  toJSON(): unknown {
    return toJSON(this, this.why ?? "Held")
  }

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
      return ending === undefined ? Effect.void : until(ending, Exit.void)
    })
  }

  get lost(): Effect.Effect<never, LockError> {
    return Effect.callback<never, LockError>((resume) => {
      const lost = () => resume(Exit.fail(lostError(this)))
      this.watch(lost)
      return Effect.sync(() => this.unwatch(lost))
    })
  }

  /** Fails if the lease is no longer held. */
  get check(): Exit.Exit<void, LockError> {
    return this.isHeld ? Exit.void : Exit.fail(lostError(this))
  }

  // ---------------------------------------------------------------------------
  // For the section that works under it
  // ---------------------------------------------------------------------------

  /** Starts to renew the lease, and calls back once when it is lost; immediately if it already is. */
  watch(watcher: Watcher): void {
    if (this.isHeld) this.lender.keep(this)
    if (this.isHeld) this.watcher = this.watcher === undefined ? watcher : [...this.watchers, watcher]
    else if (this.why !== "Released") watcher()
  }

  unwatch(watcher: Watcher): void {
    this.watcher = this.watchers.filter((other) => other !== watcher)
  }

  private get watchers(): ReadonlyArray<Watcher> {
    const { watcher } = this
    return watcher === undefined ? [] : typeof watcher === "function" ? [watcher] : watcher
  }

  /** Starts to renew the lease, and calls back once when it is lost or given back; immediately if it already is. */
  whenGone(then: () => void): () => void {
    this.watch(then)
    if (!this.isHeld) {
      if (this.why === "Released") then()
      return constVoid
    }
    const { telling } = this
    telling.goers = [...telling.goers, then]
    return () => {
      this.unwatch(then)
      telling.goers = telling.goers.filter((other) => other !== then)
    }
  }

  /** The result of work under a lease that goes on after the work. */
  judge<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    return this.isOver ? endedBy(lostError(this, caller), exit) : exit
  }

  /** Whether it is over by now. Checked before work is started under it. */
  get isOver(): boolean {
    if (this.isHeld) {
      const at = this.lender.now()
      if (at >= this.deadline) this.lose("Expired", at)
    }
    return !this.isHeld
  }

  get isLost(): boolean {
    return this.isOver && this.why !== "Released"
  }

  /** The result of the work under it: its own exit, unless the lease ended first. */
  settle<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    if (this.isHeld) {
      const at = this.endedAt = this.lender.now()
      // The work blocked the event loop, so the alarm could not ring in time.
      if (at < this.deadline) return exit
      this.lose("Expired", at)
    }
    return this.why === "Released" ? exit : endedBy(lostError(this, caller), exit)
  }

  /** Acts once, whether or not the lease has been lost. */
  giveBack(): Ending | undefined {
    if (this.isBack) return undefined
    const at = this.endedAt ?? this.lender.now()
    this.end(at)
    const ending = this.lender.back(this, at)
    this.story?.back()
    return ending
  }

  /** Marks it as given back without telling its holder. Returns whether it was still held. */
  comeBack(): boolean {
    const { isHeld } = this
    if (isHeld) this.why = "Released"
    else this.telling.isBack = true
    return isHeld
  }

  private end(at: number): void {
    this.watcher = undefined
    if (!this.comeBack()) return
    this.endedAt = at
    this.story?.ended(Exit.void)
    this.story?.gone()
  }

  /** Leaves it to whoever knows its token. */
  detach(millis: number | undefined): Effect.Effect<void, LockError> {
    return this.lender.detach(this, millis)
  }

  /** Ends it here immediately, as if it had been given back, while the store keeps its token. */
  leave(): void {
    const at = this.lender.now()
    this.end(at)
    this.lender.gone(this, at)
    this.story?.back()
  }

  /** Calls back once, when it is lost or given back. */
  whenEnded(then: (exit: Exit.Exit<void, LockError>) => void): void {
    this.telling.onEnd = then
    if (!this.isHeld) this.story?.ended(this.why === "Released" ? Exit.void : this.check)
  }

  // ---------------------------------------------------------------------------
  // For those who keep it
  // ---------------------------------------------------------------------------

  /** Its token keeps the key until then, even if the lease is given back earlier (`atLeast`). */
  get stay(): number {
    return this.story?.stay ?? 0
  }

  set stay(until: number) {
    this.telling.stay = until
  }

  /** Calls back once, when it is given back. */
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

  sends(sent: Sent): void {
    this.out = alsoSent(this.out, sent)
  }

  /** An extension has been answered at `at`. Whether or not it was executed, its effect may last from now. */
  answered(call: Call<unknown>, at: number): Sent | undefined {
    const { out } = this
    const sent = out.find((other) => other.call === call)
    if (sent === undefined) return undefined
    this.endsBy(at + sent.millis)
    this.out = without(out, call)
    return sent
  }

  /** The store may hold it until `end`. */
  endsBy(end: number): void {
    if (end > this.lastEnd) this.lastEnd = Math.ceil(end)
  }

  /** Hands unanswered extensions over to whoever tracks them from now on. */
  takeOut(): ReadonlyArray<Sent> {
    const { out } = this
    this.out = nothingSent
    return out
  }

  /** Attempts sent before the lease was won, which would restart it if the store executes them late. */
  follow(out: ReadonlyArray<Sent>): void {
    this.out = out
    for (const { call } of out) call.onReply(() => this.answered(call, this.lender.now()))
  }

  /** The store has confirmed an extension. */
  extended(deadline: number, renewAt: number, millis: number): void {
    this.deadline = Math.max(this.deadline, Math.floor(deadline))
    this.expiresMillis = Math.max(this.expiresMillis, millis)
    if (this.renews) this.renewAt = Math.max(this.renewAt, Math.ceil(renewAt))
    if (this.failure !== undefined) this.failure = undefined
    this.lender.moved(this)
  }

  /** Why the last extension is not known to have succeeded. */
  get failure(): BackendFailure | undefined {
    return this.story?.failure
  }

  set failure(failure: BackendFailure | undefined) {
    this.telling.failure = failure
  }

  private get telling(): Story {
    return this.story ??= new Story()
  }
}

/** State that few leases need: of those that stay, are lost, are traced, could not be renewed, or are watched. */
class Story {
  stay = 0
  /** It was lost, and its holder has given it back since. */
  isBack = false
  failure: BackendFailure | undefined = undefined
  onEnd: ((exit: Exit.Exit<void, LockError>) => void) | undefined = undefined
  onBack: (() => void) | undefined = undefined
  goers: ReadonlyArray<() => void> = []

  ended(exit: Exit.Exit<void, LockError>): void {
    const { onEnd } = this
    this.onEnd = undefined
    onEnd?.(exit)
  }

  gone(): void {
    const { goers } = this
    this.goers = []
    for (const then of goers) then()
  }

  back(): void {
    const { onBack } = this
    this.onBack = undefined
    onBack?.()
  }
}
