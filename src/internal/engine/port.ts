/**
 * The store as the engine sees it. Each operation is started once, runs with the services that the backend was
 * built with, is tracked until it ends, and ends as a checked answer or as a `BackendFailure`. Nothing else ever
 * comes out of a store.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { BackendFailure, LockError } from "../../LockError.ts"
import type { Attempt, Claim, Extension, Grant, Holder, LockStore, Page, Share } from "../../LockStore.ts"
import { isAnswered } from "../answered.ts"
import type { Caller } from "../guard.ts"
import type { Meter } from "../meter.ts"
import { invalid } from "../options.ts"
import { type Settling, type Shortcuts, shortcutsOf } from "../shortcuts.ts"
import type { Alarms } from "./alarms.ts"
import { areExtensions, areHolders, isAttempt, isBoolean, isGrant, isInspection, isPage } from "./answers.ts"
import { Bag } from "./bag.ts"
import { type Book, Call, type Operation } from "./call.ts"
import { Failures, isFailure } from "./failures.ts"
import type { Journal } from "./journal.ts"
import { type Log, makeLog, Trouble } from "./trouble.ts"
import { Unheard } from "./unheard.ts"

/** The shortest lease that is renewed, in milliseconds: a shorter one would be over before a timer rings. */
export const leastRenewed = 10

/** A subscription to the store's notifications. */
export interface Listening {
  readonly call: Call<boolean>
  readonly end: () => void
}

export class Port implements Book {
  readonly store: LockStore
  readonly alarms: Alarms
  readonly soon: (task: () => void) => void
  readonly direct: Shortcuts["direct"]
  readonly failures: Failures
  readonly trouble: Trouble
  readonly log: Log
  /** Asks the store to answer the calls that are out, if it can. */
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
  private readonly meter: Meter
  private readonly out = new Bag<Call<unknown>>()
  private readonly unheard: Unheard
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
    this.meter = journal.meter
    this.context = context
    this.fork = Effect.runForkWith(context)
    this.alarms = alarms
    this.soon = soon
    this.failures = new Failures(store.name)
    this.log = makeLog(store.name, context)
    this.unheard = new Unheard(alarms, (call) => this.abandon(call))
    const { callbacks, direct, ending = Effect.void, serverOf } = shortcutsOf(store)
    this.trouble = new Trouble(store.name, journal, this.log, serverOf)
    this.ending = ending
    this.callbacks = callbacks
    this.direct = direct
    this.patience = Duration.toMillis(store.patience ?? Duration.seconds(1))
    this.drift = direct !== undefined ? 0 : store.drift ?? 0.01
    this.maxExpires = Duration.toMillis(store.maxExpires ?? Duration.infinity)
  }

  /** The number of calls that are out. */
  get size(): number {
    return this.out.size
  }

  /** How far the store's clock may run ahead of ours by the end of a lease, plus its resolution. */
  margin(leaseMillis: number): number {
    return this.drift === 0 ? 0 : leaseMillis * this.drift + 2
  }

  /** The error for a lease that is too long for the store, or too short for its margin or to be renewed. */
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

  /** The spans of the call are children of the caller's span. */
  tryAcquire(claim: Claim, caller?: Caller): Call<Attempt> {
    const { callbacks, store } = this
    const call = this.begin<Attempt>("acquire", claim.key)
    if (callbacks === undefined) return this.run(call, isAttempt, () => store.tryAcquire(claim), caller)
    return this.callBack(call, isAttempt, (settling) => callbacks.tryAcquire(claim, settling))
  }

  /** Releases a token of this backend. */
  release(key: string, token: string, share?: Share): Call<boolean> {
    const { callbacks } = this
    if (callbacks === undefined) return this.remove(key, token)
    const call = this.begin<boolean>("release", key)
    return this.callBack(call, isBoolean, (settling) => callbacks.release(key, token, settling, share))
  }

  /** Releases a token that may be anybody's. */
  remove(key: string, token: string): Call<boolean> {
    return this.run(this.begin<boolean>("release", key), isBoolean, () => this.store.release(key, token))
  }

  /** Releases `token` and sends the claim, in one operation. */
  exchange(token: string, claim: Claim): Call<Attempt> {
    const { callbacks, store } = this
    const call = this.begin<Attempt>("release", claim.key)
    const exchange = callbacks?.exchange
    if (exchange === undefined) return this.run(call, isAttempt, () => store.exchange!(token, claim))
    return this.callBack(call, isAttempt, (settling) => exchange(token, claim, settling))
  }

  /** Transfers the key from `token` to the claim's token. */
  transfer(token: string, claim: Claim): Call<Attempt> {
    return this.run(this.begin("acquire", claim.key), isAttempt, () => this.store.transfer!(token, claim))
  }

  extend(extension: Extension): Call<boolean> {
    const { callbacks, store } = this
    const call = this.begin<boolean>("extend", extension.key)
    const extend = callbacks?.extend
    if (extend === undefined) return this.run(call, isBoolean, () => store.extend(extension))
    return this.callBack(call, isBoolean, (settling) => extend(extension, settling))
  }

  extendAll(extensions: ReadonlyArray<Extension>): Call<ReadonlyArray<boolean | BackendFailure>> {
    const call = this.begin<ReadonlyArray<boolean | BackendFailure>>("extend", extensions[0].key)
    return this.run(call, areExtensions(extensions.length), () => this.store.extendAll!(extensions))
  }

  inspect(key: string): Call<Option.Option<Holder>> {
    return this.run(this.begin("inspect", key), isInspection, () => this.store.inspect(key))
  }

  /** All holders of the key; one at most in a store that does not share. */
  holders(key: string): Call<ReadonlyArray<Holder>> {
    const { store } = this
    const holders = store.holders ?? ((key) => Effect.map(store.inspect(key), Option.toArray))
    return this.run(this.begin("inspect", key), areHolders, () => holders(key))
  }

  /** A page of the held keys with this prefix. */
  list(prefix: string, from: string | undefined): Call<Page> {
    const call = this.begin<Page>("list", prefix)
    const { list } = this.store
    if (list !== undefined) return this.run(call, isPage, () => list(prefix, from))
    call.settle(this.failures.unlisted(prefix))
    return call
  }

  /** Asks the store to notify of a release or a grant. A malformed grant is ignored. */
  listen(key: string, token: string, notify: (grant: Grant | undefined) => void): Listening {
    const { callbacks, store } = this
    const checked = (grant: Grant | undefined) => {
      if (grant === undefined || isGrant(grant)) notify(grant)
    }
    const end = this.closed ? undefined : callbacks?.listen?.(key, token, checked)
    if (end === undefined) return this.listening(key, () => store.listen!(key, token, checked))
    const call = this.begin<boolean>("listen", key)
    call.settle(true)
    return { call, end }
  }

  /** Asks the store to notify of changes of the holder, if it can; notifies once itself when that is set up. */
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
        // A subscription that is still being set up would outlive a scope that is already closed.
        if (call.reply === undefined) this.abandon(call)
        this.fork(Effect.exit(Scope.close(scope, Exit.void)))
      }
    }
  }

  /** The answer to a call, waited for at most for the store's patience. */
  await<A>(start: () => Call<A>): Effect.Effect<A, BackendFailure> {
    return Effect.callback<A, BackendFailure>((resume) => {
      const call = start()
      call.wait(
        this.alarms.now() + this.patience,
        (reply = this.failures.noReply(call.operation, call.key)) =>
          resume(isFailure(reply) ? Exit.fail(reply) : Exit.succeed(reply))
      )
      return Effect.sync(() => call.leave())
    })
  }

  /** Gives a call up: it counts as lost, and may or may not be executed. */
  abandon(call: Call<unknown>): void {
    const { fiber } = call
    this.isAbandoning = true
    call.settle(this.failures.noReply(call.operation, call.key))
    this.isAbandoning = false
    fiber?.interruptUnsafe()
  }

  /** Waits until nothing is out and the answers have been dealt with, or until `end`. */
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

  /** Sends nothing any more, and gives up all calls that are out. */
  close(): void {
    this.closed = true
    for (const call of this.out.all()) this.abandon(call)
  }

  // ---------------------------------------------------------------------------
  // How they run and end
  // ---------------------------------------------------------------------------

  private begin<A>(operation: Operation, key: string): Call<A> {
    const call = new Call<A>(this, operation, key, this.trouble.failures)
    if (this.closed) call.settle(this.failures.closed(operation, key))
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

  /** Only the span is passed on from the caller's services: the store must not run in the caller's transaction. */
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
    else call.settle(this.failures.of(call.operation, call.key, exit))
  }

  ended(call: Call<unknown>): void {
    const { reply } = call
    this.unheard.remove(call)
    this.out.remove(call)
    if (this.out.size === 0) this.whenIdle?.()
    if (this.closed || this.isAbandoning || call.operation === "listen") return
    if (isFailure(reply)) this.meter.failed(reply.kind)
    if (isFailure(reply) && !isAnswered(reply)) this.failed(reply)
    else if (this.trouble.isThere && this.isNews(call)) this.trouble.answered(call.key, reply, this.alarms.now())
  }

  /**
   * While others fail, as in a store that is overloaded, only a call that was made after the last failure shows
   * that it is over.
   */
  private isNews({ failures }: Call<unknown>): boolean {
    return failures === this.trouble.failures || this.out.size === 0
  }

  unanswered({ key, operation }: Call<unknown>): void {
    if (operation !== "listen") this.failed(this.failures.noReply(operation, key))
  }

  left(call: Call<unknown>): void {
    this.unheard.add(call)
  }

  /** A failure that will not pass by itself concerns its caller alone. */
  private failed(failure: BackendFailure): void {
    if (failure.retryable) this.down(failure)
  }

  down(failure: BackendFailure): void {
    if (!this.closed) this.trouble.begin(failure, this.alarms.now())
  }

  up(): void {
    if (this.trouble.isThere) this.trouble.end(this.alarms.now())
  }
}

/** What a store that calls back settles. */
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
