/** The engine makes a backend of a store: it owns the parts, answers the calls, and closes everything in order. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { LockConfig, type LockRequest } from "../../LockConfig.ts"
import type { BackendFailure, Holder, LockError } from "../../LockError.ts"
import type { LockEvent } from "../../LockEvent.ts"
import type { LockStore } from "../../LockStore.ts"
import { isAnswered } from "../answered.ts"
import { failWith } from "../failing.ts"
import type { Caller, Restore } from "../guard.ts"
import { type HeldPage, toHolder } from "../holder.ts"
import { type Gauges, meterOf } from "../meter.ts"
import * as Reentry from "../reentry.ts"
import type { Known } from "../refusal.ts"
import * as Section from "../section.ts"
import { nextTurn, type Time, timeOf } from "../time.ts"
import * as Token from "../token.ts"
import { adopt } from "./adopting.ts"
import { Alarms } from "./alarms.ts"
import type { Taken } from "./asker.ts"
import { Debts } from "./debts.ts"
import { Journal } from "./journal.ts"
import { Keeper } from "./keeper.ts"
import type { Keys } from "./keys.ts"
import { Lease } from "./lease.ts"
import { Counter } from "./lender.ts"
import { Lines } from "./lines.ts"
import { Port } from "./port.ts"
import { Sharing } from "./sharing.ts"
import { take } from "./taking.ts"

export class Engine implements Keys, Section.Taker {
  readonly port: Port
  readonly debts: Debts
  readonly keeper: Keeper
  readonly journal: Journal
  readonly time: Time
  readonly lines: Lines
  readonly counter: Counter
  readonly sharing: Sharing
  readonly owner: string
  readonly nextToken: Token.Source
  closed = false
  private readonly unwatch: () => void
  private readonly unobserve: (() => void) | undefined
  private readonly uncount: (() => void) | undefined

  constructor(store: LockStore, context: Context.Context<never>) {
    const time = timeOf(Context.get(context, Clock.Clock))
    const soon = nextTurn(context)
    const meter = meterOf(store.name, context)
    this.time = time
    this.journal = new Journal(meter)
    this.owner = Context.get(context, LockConfig).owner
    this.nextToken = Token.make(() => time.wallMillis(), this.owner)
    this.port = new Port(store, context, new Alarms(time, Effect.runForkWith(context), soon), soon, this.journal)
    this.debts = new Debts(this.port, (failure) => this.releaseFailed(failure))
    this.keeper = new Keeper(this.port, time, meter)
    this.lines = new Lines(this)
    this.counter = new Counter(this)
    this.sharing = new Sharing(this, (key) => this.lines.get(key))
    this.unwatch = meter.watch(() => this.gauges)
    this.uncount = this.port.direct?.count((key) => this.lines.get(key)?.untold ?? 0)
    this.unobserve = store.observe?.({
      down: (failure) => this.port.down(failure),
      up: () => this.port.up(),
      polling: (reason) => this.polling(reason),
      told: () => this.polling(undefined),
      ended: () => this.keeper.endAll()
    })
    if (LogLevel.isLessThanOrEqualTo(Context.get(context, References.MinimumLogLevel), "Debug")) this.logAll()
  }

  get isInProcess(): boolean {
    return this.port.direct !== undefined
  }

  get name(): string {
    return this.port.store.name
  }

  /** Logs each lock's events at debug level. Events of the backend are always logged. */
  private logAll(): void {
    this.journal.listen((event) => {
      if (!("key" in event)) return
      const { _tag, key, ...more } = event
      this.port.log(Effect.logDebug(`Lock ${_tag}`, more), key)
    }, constVoid)
  }

  private polling(reason: string | undefined): void {
    const { journal, name, port } = this
    journal.polling(reason)
    port.log(
      reason === undefined
        ? Effect.logInfo("Those who wait for locks are told again")
        : Effect.logWarning(
          `Those who wait for locks poll, because the ${name} lock backend cannot tell them: ${reason}`
        )
    )
  }

  private get gauges(): Gauges {
    const waiters = this.lines.unfolded().reduce((sum, { waiting }) => sum + waiting, 0)
    return { held: this.keeper.size + this.sharing.surplus, waiters, isConnected: !this.port.trouble.isThere }
  }

  private releaseFailed(failure: BackendFailure | undefined): void {
    this.journal.meter.failedReleases++
    // Trouble of the backend has been logged as such; this is about the single lock.
    if (failure === undefined || (failure.retryable && !isAnswered(failure))) return
    this.port.log(
      Effect.logWarning("A lock could not be released; that is tried until its lease has ended", failure),
      failure.key
    )
  }

  // ---------------------------------------------------------------------------
  // Taking
  // ---------------------------------------------------------------------------

  take(
    request: LockRequest,
    caller: Caller,
    restore: Restore
  ): Taken | Effect.Effect<Taken, LockError> {
    return take(this, request, caller, restore)
  }

  adopt(
    token: string,
    request: LockRequest,
    caller: Caller,
    restore: Restore
  ): Effect.Effect<Lease, LockError> {
    return adopt(this, token, request, caller, restore)
  }

  refused(request: LockRequest, waitedMillis: number): void {
    this.journal.timedOut(request, waitedMillis)
  }

  isHeldBy(key: string, fiber: Caller): boolean {
    return Reentry.find(fiber, this, key) !== undefined
  }

  holderOf(key: string): Known | undefined {
    const { port } = this
    const looked = port.direct?.look(key, port.alarms.now())
    return looked && { token: looked.bearer.token, remainingMillis: looked.remainingMillis }
  }

  /** The leases of a key that this process holds. */
  private leasesOf(key: string): ReadonlyArray<Lease> {
    const { port } = this
    const bearer = port.direct?.look(key, port.alarms.now())?.bearer
    const alone = bearer instanceof Lease ? bearer : this.lines.get(key)?.lease
    return [...(alone === undefined ? [] : [alone]), ...this.sharing.all().filter((lease) => lease.key === key)]
  }

  // ---------------------------------------------------------------------------
  // For operators
  // ---------------------------------------------------------------------------

  inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError> {
    const { port } = this
    return Effect.catch(
      Effect.map(port.await(() => port.inspect(key)), Option.map(toHolder)),
      (failure) => failWith(failure)
    )
  }

  holders(key: string): Effect.Effect<ReadonlyArray<Holder>, LockError> {
    const { port } = this
    return Effect.catch(
      Effect.map(port.await(() => port.holders(key)), (holders) => holders.map(toHolder)),
      (failure) => failWith(failure)
    )
  }

  list(prefix: string, from: string | undefined): Effect.Effect<HeldPage, LockError> {
    const { port } = this
    return Effect.matchEffect(port.await(() => port.list(prefix, from)), {
      onFailure: (failure) => failWith(failure),
      onSuccess: ({ locks, next }) =>
        Effect.succeed({ locks: locks.map((listed) => ({ key: listed.key, holder: toHolder(listed) })), next })
    })
  }

  listen(hear: (event: LockEvent) => void, end: () => void): () => void {
    return this.journal.listen(hear, end)
  }

  /**
   * Takes the key away from the processes that were seen to hold it, or from the holder with the given token,
   * including a holder that it has been handed to since.
   */
  forceRelease(key: string, token?: string): Effect.Effect<boolean, LockError> {
    return Effect.flatMap(this.holders(key), (holders) => {
      const seen = holders.filter((holder) => token === undefined || holder.token === token)
      const released = Effect.forEach(seen, (holder) => this.remove(key, holder.token), { concurrency: "unbounded" })
      return Effect.map(released, (removed) => removed.includes(true))
    })
  }

  watch(key: string, notify: () => void): Effect.Effect<void, never, Scope.Scope> {
    const { port } = this
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => port.watch(key, notify)),
      (watching) => Effect.sync(() => watching?.end())
    ))
  }

  private remove(key: string, token: string): Effect.Effect<boolean, LockError> {
    const { port } = this
    const before = this.leasesOf(key)
    return Effect.matchEffect(port.await(() => port.remove(key, token)), {
      onFailure: (failure) => failWith(failure),
      onSuccess: (released) => {
        // A holder in this process is told at once.
        for (const lease of [...before, ...this.leasesOf(key)]) {
          if (lease.token === token) lease.lose("Taken", port.alarms.now())
        }
        return Effect.succeed(released)
      }
    })
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /**
   * Fails the waiters, tells the holders, and releases the keys: each when the work under it has ended, or at its
   * deadline.
   */
  get close(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.closed) return
      this.closed = true
      const { debts, keeper, lines, port, sharing } = this
      const { alarms } = port
      const now = alarms.now()
      const kept = keeper.all().filter((lease) => !sharing.isCommon(lease))
      const held = new Set([...kept, ...sharing.all(), ...lines.leases()])
      for (const line of lines.unfolded()) line.close()
      for (const lease of held) lease.lose("Closed", now)
      yield* this.allBack(held)
      // Waiters that had just been given the turn have yet to notice.
      for (let turns = 0; lines.size > 0 && turns < 100; turns++) yield* Effect.yieldNow
      yield* port.ending
      yield* port.idle(alarms.now() + port.patience)
      debts.askAll()
      yield* port.idle(alarms.now() + port.patience)
      port.close()
      debts.forgetAll()
      alarms.stop()
      this.unwatch()
      this.unobserve?.()
      this.uncount?.()
      this.journal.close()
    })
  }

  /** Waits until every lease has been given back or its deadline has passed. */
  private allBack(leases: ReadonlySet<Lease>): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const { alarms } = this.port
      const out = new Set(leases)
      const alarm = { index: -1, ring: () => look() }
      const look = () => {
        alarms.cancel(alarm)
        const now = alarms.now()
        for (const lease of Array.from(out)) {
          if (!lease.isBack && lease.deadline > now) continue
          out.delete(lease)
          lease.whenBack(constVoid)
          lease.giveBack()
        }
        if (out.size === 0) return resume(Effect.void)
        alarms.set(alarm, Math.min(...Array.from(out, ({ deadline }) => deadline)))
      }
      for (const lease of out) lease.whenBack(look)
      look()
    })
  }

  /** What should be zero when nobody holds or waits. */
  get residue() {
    const { debts, keeper, lines, port } = this
    return { lines: lines.size, kept: keeper.size, alarms: port.alarms.size, calls: port.size + debts.size }
  }
}

/** The backend of a store. It closes with the scope. */
export const make = (store: LockStore): Effect.Effect<ReturnType<typeof Section.make>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.map(Effect.context<never>(), (context) => new Engine(store, context)),
      (engine) => engine.close
    ),
    Section.make
  )
