/**
 * What this process has of a key: a token, until when it counts, and what has been
 * sent to extend it. It is held, then lost or released, once. It knows by an
 * interface of its own who it is had from, so that it depends on nobody.
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

export class Lease extends Inspectable.Class implements Public, Bearer {
  lender: Lender
  readonly key: string
  fencingToken: number
  /** How long its holder waited for another, in milliseconds. */
  waitedMillis: number
  /** When its holder got it. */
  since: number
  /** How long an extension lasts. */
  expiresMillis: number
  /** It counts until then. Whole milliseconds, as `renewAt` and `lastEnd`: other numbers take room of their own. */
  deadline: number
  /** Infinite if it is not renewed. */
  renewAt: number
  /** Where the keeper has it, or -1. */
  place = -1
  why: Why | undefined = undefined
  /** When it was lost or released, or the work under it ended. */
  endedAt: number | undefined = undefined
  /** How it shares its key; without, it has it alone. */
  share: Share | undefined = undefined
  /** Of a store in this process: what it has there. */
  hold: Hold | undefined = undefined
  text: string | undefined
  /** What sets its lease in the store, and is not answered. */
  out: ReadonlyArray<Sent> = nothingSent
  /** The latest end in the store of what has been answered, our deadline aside. */
  lastEnd = 0
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
    super()
    this.lender = lender
    this.key = key
    this.text = token
    this.fencingToken = fencingToken
    this.expiresMillis = expiresMillis
    this.since = since
    this.deadline = Math.floor(deadline)
    this.renewAt = renew ? Math.ceil(since + (deadline - since) / 3) : Infinity
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

  /** What stands for the line of a key is there. */
  get vacant(): boolean {
    return false
  }

  /** Its holder has given it back, lost or not. */
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

  /** Fails when it is no longer held. */
  get check(): Exit.Exit<void, LockError> {
    return this.isHeld ? Exit.void : Exit.fail(lostError(this))
  }

  // ---------------------------------------------------------------------------
  // For the section that works under it
  // ---------------------------------------------------------------------------

  /** Keeps it from now on, and calls back once when it is lost: at once if it is. */
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

  /** Keeps it from now on, and calls back once when it is lost or given back: at once if it is. */
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

  /** How work under it has ended that leaves it as it is. */
  judge<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    return this.isOver ? endedBy(lostError(this, caller), exit) : exit
  }

  /** Whoever starts work under it looks at it first. */
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

  /** How work under it has ended: as it did, unless the lease ended first. */
  settle<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError> {
    if (this.isHeld) {
      const at = this.endedAt = this.lender.now()
      // Work that kept the process too busy for the alarm learns it now.
      if (at < this.deadline) return exit
      this.lose("Expired", at)
    }
    return this.why === "Released" ? exit : endedBy(lostError(this, caller), exit)
  }

  /** Once, whether or not it has been lost. */
  giveBack(): Ending | undefined {
    if (this.isBack) return undefined
    const at = this.endedAt ?? this.lender.now()
    this.end(at)
    const ending = this.lender.back(this, at)
    this.story?.back()
    return ending
  }

  /** It is back, and whose it was hears nothing of that. Whether it was held until then. */
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

  /** At once: as given back, but for the store, which goes on to know its token. */
  leave(): void {
    const at = this.lender.now()
    this.end(at)
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

  sends(sent: Sent): void {
    this.out = alsoSent(this.out, sent)
  }

  /** One is answered at `at`: whether it was executed or not, what it left may last until then. */
  answered(call: Call<unknown>, at: number): Sent | undefined {
    const { out } = this
    const sent = out.find((other) => other.call === call)
    if (sent === undefined) return undefined
    this.endsBy(at + sent.millis)
    this.out = without(out, call)
    return sent
  }

  /** So long the store may have it. */
  endsBy(end: number): void {
    if (end > this.lastEnd) this.lastEnd = Math.ceil(end)
  }

  /** Whoever has it instead watches from now on what is out. */
  takeOut(): ReadonlyArray<Sent> {
    const { out } = this
    this.out = nothingSent
    return out
  }

  /** What was sent before it was had, and is executed late, starts it anew. */
  follow(out: ReadonlyArray<Sent>): void {
    this.out = out
    for (const { call } of out) call.onReply(() => this.answered(call, this.lender.now()))
  }

  /** By an answer that says yes. */
  extended(deadline: number, renewAt: number, millis: number): void {
    this.deadline = Math.max(this.deadline, Math.floor(deadline))
    this.expiresMillis = Math.max(this.expiresMillis, millis)
    if (this.renews) this.renewAt = Math.max(this.renewAt, Math.ceil(renewAt))
    if (this.failure !== undefined) this.failure = undefined
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
}

/** What only some leases have: those that stay, are lost, traced, could not be renewed, or have others ask for their end. */
class Story {
  stay = 0
  /** Its holder has given it back that was lost. */
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
