/**
 * The store as the engine sees it. Each operation is started once, runs in the
 * services that the backend was built in, is known until it ends, and ends as an
 * answer that has been checked or as a `BackendFailure`: nothing else ever comes
 * out of a store.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { LockConfig } from "../../LockConfig.ts"
import { BackendFailure, type FailureKind, type LockError } from "../../LockError.ts"
import type { Attempt, Claim, Grant, Holding, LockStore, Occupant, Page } from "../../LockStore.ts"
import { invalid } from "../options.ts"
import { type Settling, type Shortcuts, shortcutsOf } from "../shortcuts.ts"
import { show } from "../show.ts"
import type { Alarm, Alarms } from "./alarms.ts"
import { areExtensions, areOccupants, isAttempt, isBoolean, isGrant, isInspection, isPage } from "./answers.ts"
import { Bag } from "./bag.ts"
import { type Book, Call, type Operation } from "./call.ts"
import type { Journal } from "./journal.ts"

/** How long the answer to a call that nobody waits for is still of interest. */
export const horizonMillis = 30_000

/** A lease of less, in milliseconds, would be over before a timer has renewed it. */
export const leastRenewed = 10

type Caller = Fiber.Fiber<unknown, unknown>

/** What the store tells while somebody listens. */
export interface Listening {
  readonly call: Call<boolean>
  readonly end: () => void
}

export class Port implements Book, Alarm {
  index = -1
  readonly store: LockStore
  readonly alarms: Alarms
  readonly soon: (task: () => void) => void
  readonly direct: Shortcuts["direct"]
  /** Has the store answer what is out, if it can. */
  readonly ending: Effect.Effect<void>
  /** How long to wait for a reply, in milliseconds. */
  readonly patience: number
  /** The longest lease, in milliseconds. */
  readonly maxExpires: number
  /** Nothing is sent any more. */
  closed = false
  private readonly callbacks: Shortcuts["callbacks"]
  private readonly context: Context.Context<never>
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly drift: number
  private readonly journal: Journal
  private readonly out = new Bag<Call<unknown>>()
  /** Those that nobody waits for, oldest first, with since when. */
  private readonly unheard = new Map<Call<unknown>, number>()
  private isAbandoning = false
  private whenIdle: (() => void) | undefined = undefined

  constructor(
    store: LockStore,
    context: Context.Context<never>,
    alarms: Alarms,
    soon: (task: () => void) => void,
    journal: Journal
  ) {
    this.store = store
    this.journal = journal
    this.context = context
    this.fork = Effect.runForkWith(context)
    this.alarms = alarms
    this.soon = soon
    const { callbacks, direct, ending = Effect.void } = shortcutsOf(store)
    this.ending = ending
    this.callbacks = callbacks
    this.direct = direct
    this.patience = Duration.toMillis(store.patience ?? Duration.seconds(1))
    this.drift = direct !== undefined ? 0 : store.drift ?? 0.01
    this.maxExpires = Duration.toMillis(store.maxExpires ?? Duration.infinity)
  }

  /** How many calls are out. */
  get size(): number {
    return this.out.size
  }

  /** What the store's clock may be ahead of ours by the end of a lease, and its resolution. */
  margin(leaseMillis: number): number {
    return this.drift === 0 ? 0 : leaseMillis * this.drift + 2
  }

  /** Of a lease that is too long for the store, or too short for its margin or to be renewed. */
  invalidExpires(expiresMillis: number, renew: boolean): LockError | undefined {
    const { drift, maxExpires, store } = this
    const least = renew || drift > 0 ? leastRenewed : 1
    if (expiresMillis >= least && expiresMillis <= maxExpires) return undefined
    const [which, limit] = expiresMillis < least ? ["least", least] as const : ["most", maxExpires] as const
    const why = limit === least && drift === 0 ? " when it is to be renewed" : ""
    const expected = `at ${which} ${Duration.format(Duration.millis(limit))} with the ${store.name} backend${why}`
    return invalid("expires", Duration.millis(expiresMillis), expected)
  }

  // ---------------------------------------------------------------------------
  // Operations
  // ---------------------------------------------------------------------------

  /** The spans of the call belong to the caller. */
  tryAcquire(claim: Claim, caller?: Caller): Call<Attempt> {
    const { callbacks, store } = this
    const call = this.begin<Attempt>("acquire", claim.key)
    if (callbacks === undefined) return this.run(call, isAttempt, () => store.tryAcquire(claim), caller)
    return this.callBack(call, isAttempt, (settling) => callbacks.tryAcquire(claim, settling))
  }

  release(key: string, token: string): Call<boolean> {
    const { callbacks, store } = this
    const call = this.begin<boolean>("release", key)
    if (callbacks === undefined) return this.run(call, isBoolean, () => store.release(key, token))
    return this.callBack(call, isBoolean, (settling) => callbacks.release(key, token, settling))
  }

  /** Releases `token` and claims anew. */
  exchange(token: string, claim: Claim): Call<Attempt> {
    return this.run(this.begin("release", claim.key), isAttempt, () => this.store.exchange!(token, claim))
  }

  /** Gives the key from `token` to the claim. */
  transfer(token: string, claim: Claim): Call<Attempt> {
    return this.run(this.begin("acquire", claim.key), isAttempt, () => this.store.transfer!(token, claim))
  }

  extend(holding: Holding): Call<boolean> {
    const { callbacks, store } = this
    const call = this.begin<boolean>("extend", holding.key)
    const extend = callbacks?.extend
    if (extend === undefined) return this.run(call, isBoolean, () => store.extend(holding))
    return this.callBack(call, isBoolean, (settling) => extend(holding, settling))
  }

  extendAll(holdings: ReadonlyArray<Holding>): Call<ReadonlyArray<boolean | BackendFailure>> {
    const call = this.begin<ReadonlyArray<boolean | BackendFailure>>("extend", holdings[0].key)
    return this.run(call, areExtensions(holdings.length), () => this.store.extendAll!(holdings))
  }

  inspect(key: string): Call<Option.Option<Occupant>> {
    return this.run(this.begin("inspect", key), isInspection, () => this.store.inspect(key))
  }

  /** All who have the key, of a store that shares; of others there is but one. */
  holders(key: string): Call<ReadonlyArray<Occupant>> {
    const { store } = this
    const holders = store.holders ?? ((key) => Effect.map(store.inspect(key), Option.toArray))
    return this.run(this.begin("inspect", key), areOccupants, () => holders(key))
  }

  /** A page of the keys that start so. */
  list(prefix: string, from: string | undefined): Call<Page> {
    const call = this.begin<Page>("list", prefix)
    const { list } = this.store
    if (list !== undefined) return this.run(call, isPage, () => list(prefix, from))
    call.settle(this.failure("list", prefix, "Unsupported", "this store cannot say which keys are held"))
    return call
  }

  /** Has the store tell of news. A grant that is none is no news. */
  listen(key: string, token: string, notify: (grant: Grant | undefined) => void): Listening {
    const { callbacks, store } = this
    const checked = (grant: Grant | undefined) => {
      if (grant === undefined || isGrant(grant)) notify(grant)
    }
    if (callbacks?.listen === undefined) return this.listening(key, () => store.listen!(key, token, checked))
    const call = this.begin<boolean>("listen", key)
    if (call.reply !== undefined) return { call, end: constVoid }
    const end = callbacks.listen(key, token, checked)
    call.settle(true)
    return { call, end }
  }

  /** Has the store tell of other holders, if it can; and says so itself once it does. */
  watch(key: string, notify: () => void): Listening | undefined {
    const { watch } = this.store
    if (watch === undefined) return undefined
    const watching = this.listening(key, () => watch(key, notify))
    watching.call.onReply(notify)
    return watching
  }

  private listening(key: string, begin: () => Effect.Effect<void, BackendFailure, Scope.Scope>): Listening {
    const scope = Scope.makeUnsafe()
    const set = () => Effect.as(Scope.provide(begin(), scope), true)
    const call = this.run(this.begin<boolean>("listen", key), isBoolean, set)
    return {
      call,
      end: () => {
        // What is still being set up would outlive a scope that is closed already.
        if (call.reply === undefined) this.abandon(call)
        this.fork(Effect.exit(Scope.close(scope, Exit.void)))
      }
    }
  }

  /** The answer to a call, for an effect that waits for it as long as the store's patience. */
  await<A>(start: () => Call<A>): Effect.Effect<A, BackendFailure> {
    return Effect.callback<A, BackendFailure>((resume) => {
      const call = start()
      call.wait(
        this.alarms.now() + this.patience,
        (reply = this.noReply(call.operation, call.key)) =>
          resume(reply instanceof BackendFailure ? Exit.fail(reply) : Exit.succeed(reply))
      )
      return Effect.sync(() => call.leave())
    })
  }

  /** Nobody will look at its answer: it counts as lost, and may be executed or not. */
  abandon(call: Call<unknown>): void {
    const { fiber } = call
    this.isAbandoning = true
    call.settle(this.noReply(call.operation, call.key))
    this.isAbandoning = false
    fiber?.interruptUnsafe()
  }

  /** Until nothing is out, and what came of it has been dealt with; or until `end`. */
  idle(end: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.out.size === 0) return resume(Effect.void)
      const alarm = { index: -1, ring: () => resume(Effect.void) }
      this.alarms.set(alarm, end)
      this.whenIdle = () =>
        this.soon(() => {
          if (this.out.size > 0) return
          this.alarms.cancel(alarm)
          this.whenIdle = undefined
          resume(Effect.void)
        })
    })
  }

  /** Sends nothing any more, and ends what is out. */
  close(): void {
    this.closed = true
    for (const call of this.out.all()) this.abandon(call)
    this.alarms.cancel(this)
  }

  // ---------------------------------------------------------------------------
  // How they run and end
  // ---------------------------------------------------------------------------

  private begin<A>(operation: Operation, key: string): Call<A> {
    const call = new Call<A>(this, operation, key)
    if (this.closed) call.settle(this.closedFailure(operation, key))
    else this.out.add(call)
    return call
  }

  private run<A>(
    call: Call<A>,
    isRight: (u: unknown) => u is A,
    make: () => Effect.Effect<unknown, BackendFailure>,
    caller?: Caller
  ): Call<A> {
    if (call.reply !== undefined) return call
    const fiber = this.forkFor(caller)(Effect.suspend(make))
    call.fiber = fiber
    fiber.addObserver((exit) => this.answer(call, isRight, exit))
    return call
  }

  /** Of the caller's services only the span is passed on: the store must not run in its transaction. */
  private forkFor(caller: Caller | undefined): typeof this.fork {
    const span = caller?.cache.span
    if (span === undefined) return this.fork
    const { tracer } = caller!.cache
    const context = tracer === undefined ? this.context : Context.add(this.context, Tracer.Tracer, tracer)
    return Effect.runForkWith(Context.add(context, Tracer.ParentSpan, span))
  }

  private callBack<A>(
    call: Call<A>,
    isRight: (u: unknown) => u is A,
    begin: (settling: Settling<A>) => void
  ): Call<A> {
    if (call.reply !== undefined) return call
    try {
      begin(new Answering(this, call, isRight))
    } catch (defect) {
      this.answer(call, isRight, Exit.die(defect))
    }
    return call
  }

  answer<A>(call: Call<A>, isRight: (u: unknown) => u is A, exit: Exit.Exit<unknown, unknown>): void {
    if (call.reply !== undefined) return
    if (exit._tag === "Success" && isRight(exit.value)) call.settle(exit.value)
    else call.settle(this.whyNot(call.operation, call.key, exit))
  }

  private whyNot(operation: Operation, key: string, exit: Exit.Exit<unknown, unknown>): BackendFailure {
    if (exit._tag === "Success") return this.failure(operation, key, "Unknown", `it answered ${show(exit.value)}`)
    const { reasons } = exit.cause
    const error = reasons.find(Cause.isFailReason)?.error
    if (error instanceof BackendFailure) return error
    const defect = error ?? reasons.find(Cause.isDieReason)?.defect
    return defect === undefined
      ? this.failure(operation, key, "Unknown", "it was interrupted from within")
      : this.failure(operation, key, "Unknown", undefined, defect)
  }

  ended(call: Call<unknown>): void {
    if (this.unheard.size > 0 && this.unheard.delete(call) && this.unheard.size === 0) this.alarms.cancel(this)
    this.out.remove(call)
    if (this.out.size === 0) this.whenIdle?.()
    if (this.closed || this.isAbandoning || call.operation === "listen") return
    if (call.reply instanceof BackendFailure) {
      this.journal.meter.failed(call.reply.kind)
      this.trouble(call.reply)
    } else this.up()
  }

  unanswered({ key, operation }: Call<unknown>): void {
    if (operation !== "listen") this.trouble(this.noReply(operation, key))
  }

  /** What is not answered for so long never will be; until then it may still be executed. */
  left(call: Call<unknown>): void {
    if (this.unheard.has(call)) return
    const at = this.alarms.now()
    this.unheard.set(call, at)
    if (this.index === -1) this.alarms.set(this, at + horizonMillis)
  }

  ring(): void {
    const at = this.alarms.now()
    for (const [call, since] of Array.from(this.unheard)) if (since + horizonMillis <= at) this.abandon(call)
    for (const since of this.unheard.values()) {
      if (this.index === -1) this.alarms.set(this, since + horizonMillis)
      break
    }
  }

  /** What will not pass by itself is for its caller alone. */
  private trouble(failure: BackendFailure): void {
    if (failure.retryable) this.down(failure)
  }

  /** It answers. */
  up(): void {
    if (!this.journal.isTroubled) return
    const millis = this.journal.up(this.alarms.now())
    const seconds = (millis / 1000).toFixed(1)
    this.log(Effect.logInfo(`The ${this.store.name} lock backend answers again, after ${seconds} seconds`))
  }

  /** Said once for each time of trouble, not for each lock. */
  down(failure: BackendFailure): void {
    if (this.closed || !this.journal.down(failure, this.alarms.now())) return
    this.log(Effect.logWarning(
      `The ${this.store.name} lock backend is in trouble: leases are kept until their deadline, waiters wait on, ` +
        "and what has to be released is released later",
      failure
    ))
  }

  log(line: Effect.Effect<void>, key?: string): void {
    const { name } = this.store
    const annotations = { "lock.backend": name, "lock.owner": Context.get(this.context, LockConfig).owner }
    this.fork(Effect.annotateLogs(line, key === undefined ? annotations : { ...annotations, "lock.key": key }))
  }

  private failure(
    operation: Operation,
    key: string,
    kind: FailureKind,
    description: string | undefined,
    cause?: unknown
  ): BackendFailure {
    return new BackendFailure({
      backend: this.store.name,
      operation,
      kind,
      retryable: kind === "NoReply",
      // A list is about no single one.
      ...(operation !== "list" && { key }),
      ...(description !== undefined && { description }),
      ...(cause !== undefined && { cause })
    })
  }

  noReply(operation: Operation, key: string, description = "no reply in time"): BackendFailure {
    return this.failure(operation, key, "NoReply", description)
  }

  /** Of a store whose keys have one holder. */
  unshared(key: string): BackendFailure {
    return this.failure("acquire", key, "Unsupported", "this store keeps no more than one holder of a key")
  }

  /** Of a store that cannot give a key from one token to another. */
  untransferable(key: string): BackendFailure {
    return this.failure("acquire", key, "Unsupported", "a lock of this store cannot change hands")
  }

  closedFailure(operation: Operation, key: string): BackendFailure {
    return this.failure(operation, key, "Closed", "the backend has been closed")
  }
}

/** Given to a store that calls back. */
class Answering<A> implements Settling<A> {
  private readonly port: Port
  private readonly call: Call<A>
  private readonly isRight: (u: unknown) => u is A

  constructor(port: Port, call: Call<A>, isRight: (u: unknown) => u is A) {
    this.port = port
    this.call = call
    this.isRight = isRight
  }

  settle(exit: Exit.Exit<A, BackendFailure>): void {
    this.port.answer(this.call, this.isRight, exit)
  }
}

export const isFailure = (reply: unknown): reply is BackendFailure => reply instanceof BackendFailure
