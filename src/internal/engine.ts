/**
 * The engine: everything between a lock call and the operations of a store. One
 * per backend.
 *
 * The life of a request: {@link Engine.take} waits for its turn in the local
 * line; {@link Engine.contend} asks the store until it says acquired, the
 * timeout has passed, or the fiber is interrupted; the {@link Tenure} is kept
 * alive by the {@link Keeper}; {@link Engine.release} hands it to the next local
 * fiber or back to the store, and passes the turn on.
 *
 * Whoever has the turn must pass it on, and whoever leaves a token in doubt must
 * disown it. Each of these duties is met in one place: {@link Engine.pass} and
 * {@link Engine.disown}.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid, identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { Busy, LockBackend, Restore, Taken } from "../LockBackend.ts"
import { decodeExtension, invalidOption, type LockRequest } from "../LockConfig.ts"
import { type BackendFailure, type Holder, LockError } from "../LockError.ts"
import type { Attempt, Grant, Held, Holding, LockStore } from "../LockStore.ts"
import { Alarms } from "./alarms.ts"
import type { Call } from "./call.ts"
import { Calls, type Fork } from "./calls.ts"
import { Contender, type Reply } from "./contender.ts"
import { toHolder } from "./holder.ts"
import { Keeper } from "./keeper.ts"
import { KeyMap } from "./keyMap.ts"
import { type Baton, Line, turn, Waiter } from "./line.ts"
import * as Meter from "./meter.ts"
import { HeldLease, type Sent, Tenure, type Why } from "./tenure.ts"
import { nextTurn } from "./time.ts"
import * as Token from "./token.ts"

/** Polling, for stores that cannot tell of a release. */
const polling: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential(Duration.millis(10), 1.5),
  Schedule.spaced(Duration.millis(250))
]).pipe(Schedule.jittered)

type Taking = Effect.Effect<Taken | Busy, LockError>

export class Engine {
  readonly store: LockStore
  readonly alarms: Alarms
  readonly meter: Meter.Meter
  private readonly calls: Calls
  private readonly keeper: Keeper
  private readonly clock: Clock.Clock
  private readonly nextToken: (now?: number) => string
  private readonly lines: KeyMap<Line>
  private readonly schedule: (task: () => void) => void
  private readonly drift: number
  private readonly minExpires: number
  private readonly maxExpires: number

  constructor(store: LockStore, context: Context.Context<never>) {
    this.store = store
    this.clock = Context.get(context, Clock.Clock)
    const fork = Effect.runForkWith(context)
    this.schedule = nextTurn(context)
    this.lines = new KeyMap((key) => new Line(key), this.schedule)
    this.alarms = new Alarms(this.clock, fork, this.schedule)
    this.calls = new Calls(store, this.alarms, fork)
    this.keeper = new Keeper(this)
    this.meter = Meter.make(store.name, context)
    this.nextToken = Token.make(() => this.clock.currentTimeMillisUnsafe())
    this.drift = store.direct !== undefined ? 0 : store.drift ?? 0.01
    // Less than this and the margins would eat the lease.
    this.minExpires = this.drift === 0 ? 1 : 10
    this.maxExpires = store.maxExpires === undefined ? Infinity : Duration.toMillis(store.maxExpires)
  }

  // ---------------------------------------------------------------------------
  // Taking
  // ---------------------------------------------------------------------------

  /** See `LockBackend.take`. */
  take(request: LockRequest, restore: Restore): Taking {
    const { expiresMillis, key } = request
    if (this.calls.closed) return failWith(this.calls.closedFailure("acquire", key))
    if (expiresMillis < this.minExpires || expiresMillis > this.maxExpires) {
      return Exit.fail(this.invalidExpires(expiresMillis))
    }
    const startedAt = this.alarms.now()
    const line = this.lines.find(key)
    if (line !== undefined && !line.vacant) {
      return request.timeoutMillis === 0 ? this.behind(line, startedAt) : this.queue(line, request, startedAt, restore)
    }
    return this.begin(line, request, startedAt, startedAt, restore)
  }

  /**
   * Claims for the first time; in place, if the store lives in this process. The
   * line is the one found, or the one we have the turn in.
   */
  private begin(
    found: Line | undefined,
    request: LockRequest,
    startedAt: number,
    now: number,
    restore: Restore
  ): Taking {
    const { expiresMillis, key } = request
    const { direct } = this.store
    if (direct === undefined || this.calls.closed) {
      return this.contend(this.occupied(key, found), request, startedAt, now, restore, undefined)
    }
    this.meter.attempted()
    const token = this.nextToken(now)
    const attempt = direct.tryAcquire({ key, token, expiresMillis, wait: false }, now)
    if (attempt._tag === "Held" && request.timeoutMillis === 0) return this.busy(attempt, startedAt)
    const line = this.occupied(key, found)
    if (attempt._tag === "Acquired") {
      const { fencingToken } = attempt
      return Exit.succeed(
        this.hold(line, request, token, expiresMillis, fencingToken, now, now + expiresMillis, startedAt)
      )
    }
    const contender = new Contender(key, token, expiresMillis)
    contender.reply = attempt
    return this.contend(line, request, startedAt, now, restore, contender)
  }

  private occupied(key: string, found: Line | undefined): Line {
    return found === undefined || found.vacant ? this.lines.occupy(key, found) : found
  }

  /** Waits in the local line for the turn. */
  private queue(line: Line, request: LockRequest, startedAt: number, restore: Restore): Taking {
    const waiter = new Waiter(request, line)
    this.alarms.set(waiter, startedAt + request.timeoutMillis)
    return Effect.flatMap(
      Effect.onExitPrimitive(
        restore(Effect.callback<void>((resume) => {
          if (waiter.baton !== undefined) resume(Effect.void)
          else waiter.resume = resume
        })),
        (exit) => exit._tag === "Failure" ? Effect.sync(() => this.leave(waiter)) : undefined,
        true
      ),
      (): Taking => {
        const baton = waiter.baton!
        const now = this.alarms.now()
        if (baton._tag === "TimedOut") return this.behind(line, startedAt)
        if (baton._tag === "Closed") return failWith(this.calls.closedFailure("acquire", line.key))
        if (baton._tag === "Tenure" && baton.tenure.state === "Held") {
          return Exit.succeed(this.grasp(baton.tenure, now, startedAt))
        }
        // Lost on its way to us: an extension that is still out could keep it.
        if (baton._tag === "Tenure") this.calls.insist(line.key, baton.tenure.token, baton.tenure.deadline)
        if (baton._tag === "Claimed") return this.contend(line, request, startedAt, now, restore, baton.contender)
        return this.begin(line, request, startedAt, now, restore)
      }
    )
  }

  /** An interruption may come after the baton was given and before it was taken. */
  private leave(waiter: Waiter): void {
    const { baton, line } = waiter
    this.alarms.cancel(waiter)
    if (baton === undefined) line.remove(waiter)
    else if (baton._tag !== "TimedOut" && baton._tag !== "Closed") this.pass(line, baton)
  }

  /** What to say to a request that cannot have the turn: what the turn knows. */
  private behind(line: Line, startedAt: number): Exit.Exit<Busy, LockError> {
    const { heard, tenure } = line
    if (tenure !== undefined) {
      const remainingMillis = tenure.deadline - this.alarms.now()
      return this.busy({ token: tenure.token, remainingMillis }, startedAt)
    }
    return heard?._tag === "BackendFailure" ? failWith(heard) : this.busy(heard ?? {}, startedAt)
  }

  private busy(held: Omit<Held, "_tag">, startedAt: number): Exit.Exit<Busy> {
    const { token } = held
    this.meter.timedOut()
    return Exit.succeed({
      _tag: "Busy",
      waitedMillis: Math.max(0, Math.round(this.alarms.now() - startedAt)),
      occupant: token === undefined ? undefined : { ...held, token }
    })
  }

  /**
   * With the turn: asks the store until there is an end to it. The one who had
   * the turn before may have made the first claim.
   */
  private contend(
    line: Line,
    request: LockRequest,
    startedAt: number,
    now: number,
    restore: Restore,
    claimed: Contender | undefined
  ): Taking {
    if (claimed !== undefined && claimed.expiresMillis !== request.expiresMillis) {
      this.disown(claimed)
      claimed = undefined
    }
    const contender = claimed ?? new Contender(line.key, this.nextToken(now), request.expiresMillis)
    line.contender = contender
    const endsAt = startedAt + request.timeoutMillis
    const first = claimed === undefined
      ? this.ask(contender, false, now, this.cutAt(line.heard, now, endsAt), restore)
      : Effect.succeed(contender.reply!)
    return Effect.onExitPrimitive(
      Effect.flatMap(first, (reply): Taking => {
        const lease = this.accept(line, request, contender, reply, startedAt)
        return lease === undefined
          ? this.persist(line, request, startedAt, restore, contender, reply)
          : Exit.succeed(lease)
      }),
      (exit) => {
        if (exit._tag === "Success" && exit.value._tag === "Taken") return undefined
        contender.leave()
        const disowned = this.disown(contender)
        this.pass(line, turn)
        // Whoever interrupts us finds nothing left behind, if the store is well.
        return exit._tag === "Failure" && Cause.hasInterrupts(exit.cause) ? disowned : undefined
      },
      true
    )
  }

  /** The retry loop: sleeps as the schedule says, never past what is worth waiting for, and asks again. */
  private readonly persist = Effect.fnUntraced({ self: this }, function*(
    this: Engine,
    line: Line,
    request: LockRequest,
    startedAt: number,
    restore: Restore,
    contender: Contender,
    reply: Reply
  ) {
    const endsAt = startedAt + request.timeoutMillis
    let step: Step | undefined
    while (true) {
      line.heard = reply._tag === "Acquired" ? undefined : reply
      if (reply._tag === "BackendFailure" && !reply.retryable) return yield* failWith(reply)
      // Whoever holds after this would never be told.
      if (this.calls.closed) return yield* failWith(this.calls.closedFailure("acquire", line.key))
      const now = this.alarms.now()
      if (now >= endsAt) return yield* this.giveUp(contender, reply, startedAt)

      if (this.store.listen !== undefined && reply._tag === "Held" && contender.listening === undefined) {
        yield* restore(this.listen(contender, endsAt))
      } else {
        step ??= yield* Schedule.toStep(request.retry ?? this.store.retry ?? polling)
        const delay = yield* nextDelay(step, this.clock.currentTimeMillisUnsafe(), reply)
        if (delay === undefined) return yield* this.giveUp(contender, reply, startedAt)
        const remaining = reply._tag === "Held" ? reply.remainingMillis ?? Infinity : Infinity
        yield* restore(contender.sleep(this.alarms, Math.min(now + Math.max(1, Math.min(delay, remaining)), endsAt)))
      }

      const grant = contender.takeGrant()
      const granted = grant && this.acceptGrant(line, request, contender, grant, startedAt)
      if (granted !== undefined) return granted

      const askAt = this.alarms.now()
      if (askAt >= endsAt && isSilence(reply)) return yield* this.giveUp(contender, reply, startedAt)
      const cutAt = this.cutAt(reply, askAt, endsAt)
      reply = yield* this.ask(contender, contender.listening !== undefined, askAt, cutAt, restore)
      const lease = this.accept(line, request, contender, reply, startedAt)
      if (lease !== undefined) return lease
    }
  })

  /**
   * When to stop waiting for a reply at the latest, patience apart. A store that
   * answers is waited for beyond the timeout, or the last attempt would be none;
   * one that was silent has had its time; one we know nothing of gets a little.
   */
  private cutAt(last: Reply | undefined, askAt: number, endsAt: number): number {
    if (askAt >= endsAt || last?._tag === "Held") return Infinity
    return last !== undefined && isSilence(last) ? endsAt : Math.max(endsAt, askAt + this.calls.patience / 4)
  }

  private giveUp(contender: Contender, reply: Reply, startedAt: number): Exit.Exit<Busy, LockError> {
    if (reply._tag === "Held") return this.busy(reply, startedAt)
    return failWith(
      reply._tag === "BackendFailure"
        ? reply
        : this.calls.noReply("acquire", contender.key, "the reply came after the lease had ended")
    )
  }

  /**
   * Sends a claim and waits for the reply, until `cutAt` or for the store's
   * patience at the longest. A claim is never interrupted: one whose reply we
   * gave up on may still be executed, and stays with the contender.
   */
  private ask(
    contender: Contender,
    wait: boolean,
    sentAt: number,
    cutAt: number,
    restore: Restore
  ): Effect.Effect<Reply> {
    const { callbacks, direct } = this.store
    if (callbacks !== undefined || direct !== undefined) {
      return this.claim(contender, wait, sentAt, cutAt, restore, undefined)
    }
    // The store's spans belong to the caller.
    return Effect.withFiber(({ context }) =>
      this.claim(contender, wait, sentAt, cutAt, restore, Effect.runForkWith(context))
    )
  }

  private claim(
    contender: Contender,
    wait: boolean,
    sentAt: number,
    cutAt: number,
    restore: Restore,
    fork: Fork | undefined
  ): Effect.Effect<Reply> {
    const { expiresMillis, key, token } = contender
    if (this.calls.closed) return Exit.succeed(this.calls.closedFailure("acquire", key))
    this.sending(contender, sentAt)
    const claim = { key, token, expiresMillis, wait }
    const { direct } = this.store
    if (direct !== undefined) return this.heard(contender, wait, direct.tryAcquire(claim, sentAt))
    const call = this.calls.tryAcquire(claim, fork)
    const until = Math.min(cutAt, sentAt + Math.min(this.calls.patience, expiresMillis))
    return this.reply(contender, "acquire", wait, call, until, restore)
  }

  private sending(contender: Contender, sentAt: number): void {
    this.meter.attempted()
    contender.askedAt = sentAt
    contender.doubtful = true
  }

  /** What comes of an operation that may get the contender the key. */
  private reply(
    contender: Contender,
    operation: "acquire" | "release",
    wait: boolean,
    call: Call<Attempt, BackendFailure>,
    until: number,
    restore: Restore
  ): Effect.Effect<Reply> {
    const answered = (exit: Exit.Exit<Attempt, BackendFailure> | undefined): Effect.Effect<Reply> => {
      if (exit === undefined) return Exit.succeed(this.calls.noReply(operation, contender.key))
      if (exit._tag === "Failure") return this.calls.toFailure(exit.cause, operation, contender.key)
      return this.heard(contender, wait, exit.value)
    }
    if (call.exit !== undefined) return answered(call.exit)
    contender.sent(call)
    return restore(Effect.callback<Reply>((resume) => call.wait(until, (exit) => resume(answered(exit)))))
  }

  /** The store has answered. A claim that it refused leaves nothing there, unless it may wait or others are out. */
  private heard(contender: Contender, wait: boolean, attempt: Attempt): Exit.Exit<Reply> {
    if (attempt._tag === "Held" && !wait && contender.unanswered.length === 0) contender.doubtful = false
    return Exit.succeed(attempt)
  }

  /** Has the store tell us of news. Failing to is no failure: then we ask as the schedule says. */
  private listen(contender: Contender, until = Infinity): Effect.Effect<void> {
    const scope = Scope.makeUnsafe()
    const { key, token } = contender
    const notify = (grant: Grant | undefined) => contender.notify(grant)
    contender.listening = scope
    return Effect.asVoid(Effect.exit(
      this.calls.bounded("listen", key, () => Scope.provide(this.store.listen!(key, token, notify), scope), until)
    ))
  }

  // ---------------------------------------------------------------------------
  // Having
  // ---------------------------------------------------------------------------

  /** The lease of a reply that says acquired, unless it came too late to leave enough of it. */
  private accept(
    line: Line,
    request: LockRequest,
    contender: Contender,
    reply: Reply,
    startedAt: number
  ): HeldLease | undefined {
    if (reply._tag !== "Acquired" || this.calls.closed) return undefined
    const { askedAt, expiresMillis } = contender
    const deadline = askedAt + expiresMillis - this.margin(expiresMillis)
    const now = this.alarms.now()
    return deadline - now > expiresMillis / 10
      ? this.settled(line, request, contender, reply.fencingToken, now, deadline, startedAt)
      : undefined
  }

  /** The lease of a grant, if enough of it is left to rely on without asking again. */
  private acceptGrant(
    line: Line,
    request: LockRequest,
    contender: Contender,
    { fencingToken, leaseMillis, sinceMillis }: Grant,
    startedAt: number
  ): HeldLease | undefined {
    if (this.calls.closed) return undefined
    const now = this.alarms.now()
    const deadline = Math.min(sinceMillis, now) + leaseMillis - this.margin(leaseMillis)
    if (deadline - now < leaseMillis / 4 || (!request.renew && leaseMillis < request.expiresMillis)) return undefined
    return this.settled(line, request, contender, fencingToken, now, deadline, startedAt)
  }

  /** The contender has become the holder. */
  private settled(
    line: Line,
    request: LockRequest,
    contender: Contender,
    fencingToken: number,
    now: number,
    deadline: number,
    startedAt: number
  ): HeldLease {
    this.endListening(contender)
    line.contender = line.heard = undefined
    const { expiresMillis, token, unanswered } = contender
    const lease = this.hold(line, request, token, expiresMillis, fencingToken, now, deadline, startedAt)
    // An earlier claim that is executed late starts the lease anew, or brings back a key that we have given back.
    for (const claim of unanswered) {
      this.outstanding([lease.tenure], claim, () => {
        if (lease.tenure.state !== "Held") this.settleLate(contender)
      })
    }
    return lease
  }

  private hold(
    line: Line,
    { renew }: LockRequest,
    token: string,
    expiresMillis: number,
    fencingToken: number,
    since: number,
    deadline: number,
    startedAt: number
  ): HeldLease {
    const tenure = new Tenure(line, token, renew, expiresMillis, fencingToken, since, deadline)
    line.tenure = tenure
    return this.grasp(tenure, since, startedAt)
  }

  /** Gives a tenure to a fiber. */
  private grasp(tenure: Tenure, now: number, startedAt: number): HeldLease {
    this.meter.waited(now - startedAt)
    this.meter.holding(1)
    return new HeldLease(this, tenure, now)
  }

  /** What the store's clock may be ahead of ours by the end of a lease, and its resolution. */
  private margin(leaseMillis: number): number {
    return this.drift === 0 ? 0 : leaseMillis * this.drift + 2
  }

  /** Renews the tenure from now on. Work that ends at once never gets this far. */
  keep(tenure: Tenure): void {
    if (tenure.state === "Held") this.keeper.add(tenure)
  }

  /** Tells the holder that the lease is over, and lets the next local fiber try. */
  lose(tenure: Tenure, why: Why): void {
    if (tenure.state !== "Held") return
    tenure.state = "Lost"
    this.keeper.remove(tenure)
    this.meter.lost()
    const { lease, line } = tenure
    tenure.lease = undefined
    if (line.tenure === tenure) line.tenure = undefined
    // On its way to the next fiber: that one will see, and has the turn.
    if (lease === undefined) return
    this.pass(line, turn)
    lease.lose(why)
  }

  /** The store has answered an extension that was sent at `sentAt`. */
  extended(tenure: Tenure, sentAt: number, leaseMillis: number, extended: boolean): void {
    if (tenure.state !== "Held") return
    if (!extended) return this.lose(tenure, "Taken")
    tenure.deadline = Math.max(tenure.deadline, sentAt + leaseMillis - this.margin(leaseMillis))
    if (tenure.renew) tenure.renewAt = Math.max(tenure.renewAt, sentAt + leaseMillis / 3)
    this.keeper.update(tenure)
  }

  holding(tenure: Tenure): Holding {
    return { key: tenure.key, token: tenure.token, expiresMillis: tenure.expiresMillis }
  }

  /** Sends an extension on behalf of some tenures, which know of it until it is answered. */
  sendExtension<A>(
    tenures: ReadonlyArray<Tenure>,
    effect: Effect.Effect<A, BackendFailure>,
    onAnswer: (answer: A) => void
  ): Call<A, BackendFailure> {
    const call = this.calls.start(effect)
    this.outstanding(tenures, call, (exit) => {
      if (exit._tag === "Success") onAnswer(exit.value)
    })
    return call
  }

  private outstanding<A>(
    tenures: ReadonlyArray<Tenure>,
    call: Call<A, BackendFailure>,
    onExit: (exit: Exit.Exit<A, BackendFailure>) => void
  ): void {
    let sent: ReadonlyArray<Sent> = []
    for (const tenure of tenures) {
      const { expiresMillis } = tenure
      if (sent[0]?.expiresMillis !== expiresMillis) sent = [{ call, expiresMillis }]
      tenure.sending(sent)
    }
    call.addObserver((exit) => {
      for (const tenure of tenures) tenure.answered(call)
      onExit(exit)
    })
  }

  /** See `Lease.extend`. */
  readonly extend = Effect.fnUntraced({ self: this }, function*(
    this: Engine,
    lease: HeldLease,
    input: Duration.Input | undefined
  ) {
    const { key, tenure } = lease
    const asked = input === undefined ? tenure.expiresMillis : yield* Effect.fromResult(decodeExtension(input))
    if (asked > this.maxExpires) return yield* this.invalidExpires(asked)
    yield* lease.check
    const expiresMillis = tenure.expiresMillis = Math.max(asked, tenure.expiresMillis)
    // A shorter one that is executed after ours would undo it.
    for (const call of tenure.sentShorter(expiresMillis)) {
      if ((yield* this.calls.outcome(call, this.alarms.now() + this.calls.patience)) === undefined) {
        return yield* failWith(this.calls.noReply("extend", key, "an earlier extension is unanswered"))
      }
    }
    yield* lease.check
    const sentAt = this.alarms.now()
    const { extensionMillis } = tenure
    const call = this.sendExtension(
      [tenure],
      Effect.suspend(() => this.store.extend(this.holding(tenure))),
      (extended) => this.extended(tenure, sentAt, extensionMillis, extended)
    )
    const exit = yield* this.calls.outcome(call, sentAt + this.calls.patience)
    yield* lease.check
    if (exit === undefined) return yield* failWith(this.calls.noReply("extend", key))
    if (exit._tag === "Failure") return yield* failWith(yield* this.calls.toFailure(exit.cause, "extend", key))
  })

  // ---------------------------------------------------------------------------
  // Giving back
  // ---------------------------------------------------------------------------

  /**
   * Gives a lease back: to the next local fiber where it may, otherwise to the
   * store. The result is what is left to do, if anything.
   */
  release(lease: HeldLease): Effect.Effect<void> | undefined {
    if (lease.released) return undefined
    lease.released = true
    const { tenure } = lease
    const { line } = tenure
    const now = lease.endedAt ?? this.alarms.now()
    this.meter.held(now - lease.since)
    this.meter.holding(-1)
    if (tenure.state === "Lost") return this.free(tenure, now)
    tenure.lease = undefined
    const next = line.head
    if (next !== undefined && this.mayHandOver(tenure, next.request, now)) {
      tenure.handed++
      this.pass(line, { _tag: "Tenure", tenure })
      return undefined
    }
    this.keeper.remove(tenure)
    tenure.state = "Released"
    if (next !== undefined && this.store.exchange !== undefined && !this.calls.closed) {
      return this.exchange(tenure, next.request.expiresMillis)
    }
    return this.free(tenure, now, () => this.vacate(tenure, turn))
  }

  private vacate(tenure: Tenure, baton: Baton): void {
    const { line } = tenure
    if (line.tenure === tenure) line.tenure = undefined
    this.pass(line, baton)
  }

  /**
   * A successor takes a lease as it is, so it must want one of the same length
   * that renews itself, and enough of it must be left.
   */
  private mayHandOver(tenure: Tenure, next: LockRequest, now: number): boolean {
    const { handOver } = this.store
    if (handOver === undefined || this.calls.closed) return false
    const elapsed = now - tenure.since
    return tenure.handed + 1 < handOver.times &&
      elapsed < Duration.toMillis(handOver.within) &&
      // Fencing tokens of local successors stay below what the store gives out next.
      tenure.handed + 1 <= elapsed * 1000 &&
      tenure.renew && next.renew && next.expiresMillis === tenure.expiresMillis &&
      tenure.deadline - now > tenure.expiresMillis / 4
  }

  /** Releases, and claims for the next local waiter, in one operation. */
  private exchange(tenure: Tenure, expiresMillis: number): Effect.Effect<void> {
    const { key } = tenure
    const contender = new Contender(key, this.nextToken(), expiresMillis)
    tenure.line.contender = contender
    const run = Effect.fnUntraced({ self: this }, function*(this: Engine) {
      if (this.store.listen !== undefined) yield* this.listen(contender)
      const claim = { key, token: contender.token, expiresMillis, wait: true }
      const sentAt = this.alarms.now()
      this.sending(contender, sentAt)
      const exchange = this.calls.start(Effect.suspend(() => this.store.exchange!(tenure.token, claim)))
      const until = sentAt + this.calls.patience
      const reply = yield* this.reply(contender, "release", true, exchange, until, identity)
      contender.reply = reply
      if (reply._tag === "BackendFailure") yield* this.unconfirmed(tenure, reply)
    })
    return Effect.onExitPrimitive(
      run(),
      (exit) => {
        this.vacate(tenure, exit._tag === "Success" ? { _tag: "Claimed", contender } : turn)
        return undefined
      },
      true
    )
  }

  /**
   * Frees the key in the store, and calls `freed` when that is over. A store that
   * cannot be asked is asked again in the background.
   */
  private free(tenure: Tenure, now: number, freed: () => void = constVoid): Effect.Effect<void> | undefined {
    const { key, token } = tenure
    if (this.calls.closed || this.store.direct !== undefined) {
      if (!this.calls.closed) this.store.direct?.release(key, token, now)
      freed()
      return undefined
    }
    const call = this.calls.startRelease(key, token)
    return Effect.callback((resume) =>
      call.wait(now + this.calls.patience, (exit) => {
        if (exit?._tag !== "Success") return resume(Effect.ensuring(this.unreleased(tenure, exit), Effect.sync(freed)))
        freed()
        resume(Exit.void)
      })
    )
  }

  private unreleased(
    tenure: Tenure,
    exit: Exit.Failure<boolean, BackendFailure> | undefined
  ): Effect.Effect<void> {
    const { key } = tenure
    if (exit === undefined) return this.unconfirmed(tenure, this.calls.noReply("release", key))
    return Effect.flatMap(
      this.calls.toFailure(exit.cause, "release", key),
      (failure) => this.unconfirmed(tenure, failure)
    )
  }

  private unconfirmed(tenure: Tenure, failure: BackendFailure): Effect.Effect<void> {
    this.meter.releaseFailed()
    this.calls.insist(tenure.key, tenure.token, tenure.deadline + this.margin(tenure.expiresMillis))
    return Effect.logWarning("A lock could not be released, trying again", failure)
  }

  /**
   * Makes sure that nothing of a contender stays in the store, however late its
   * claims are executed. The result waits for the first confirmation, as long as
   * the store's patience.
   */
  private disown(contender: Contender): Effect.Effect<void> | undefined {
    const queued = contender.listening !== undefined
    this.endListening(contender)
    if (!contender.doubtful) return undefined
    contender.doubtful = false
    const { askedAt, expiresMillis, key, token, unanswered } = contender
    const first = this.calls.insist(key, token, askedAt + expiresMillis)
    for (const claim of unanswered) {
      claim.addObserver((exit) => {
        if (queued || exit._tag === "Failure" || exit.value._tag === "Acquired") this.settleLate(contender)
      })
    }
    return first.pollUnsafe() === undefined
      ? Effect.asVoid(this.calls.outcome(first, this.alarms.now() + this.calls.patience))
      : undefined
  }

  /** A claim of a token that is no longer wanted has been answered. */
  private settleLate({ expiresMillis, key, token }: Contender): void {
    if (!this.calls.closed) this.calls.insist(key, token, this.alarms.now() + expiresMillis)
  }

  private endListening(contender: Contender): void {
    if (contender.listening === undefined) return
    this.calls.start(Scope.close(contender.listening, Exit.void))
    contender.listening = undefined
  }

  /** Gives the turn to the next in line; without a next, what came with it goes back and the line ends. */
  private pass(line: Line, baton: Baton): void {
    line.contender = baton._tag === "Claimed" ? baton.contender : undefined
    if (baton._tag === "Tenure" && baton.tenure.state !== "Held") baton = turn
    const next = line.head
    if (next !== undefined) return this.give(line, next, baton)
    line.tenure = line.contender = line.heard = undefined
    this.lines.vacate(line)
    if (baton._tag === "Claimed") this.disown(baton.contender)
    if (baton._tag === "Tenure") {
      this.keeper.remove(baton.tenure)
      baton.tenure.state = "Released"
      this.calls.start(this.free(baton.tenure, this.alarms.now()) ?? Effect.void)
    }
  }

  private give(line: Line, waiter: Waiter, baton: Baton): void {
    line.remove(waiter)
    this.alarms.cancel(waiter)
    waiter.baton = baton
    // Not in place: a chain of holders that finish at once would grow the stack.
    this.schedule(() => waiter.resume?.(Effect.void))
  }

  // ---------------------------------------------------------------------------
  // Looking on, and closing
  // ---------------------------------------------------------------------------

  /** See `LockBackend.inspect`. */
  inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError> {
    return Effect.mapError(
      Effect.map(this.calls.bounded("inspect", key, () => this.store.inspect(key)), Option.map(toHolder)),
      (reason) => new LockError({ reason })
    )
  }

  /** See `LockBackend.forceRelease`. A holder in this process is told at once. */
  forceRelease(key: string): Effect.Effect<boolean, LockError> {
    return Effect.flatMap(this.inspect(key), (holder) => {
      if (Option.isNone(holder)) return Effect.succeed(false)
      const { token } = holder.value
      return Effect.mapError(
        Effect.tap(this.calls.release(key, token), () =>
          Effect.sync(() => {
            const tenure = this.lines.get(key)?.tenure
            if (tenure?.token === token) this.lose(tenure, "Taken")
          })),
        (reason) => new LockError({ reason })
      )
    })
  }

  /** Fails the waiters, tells the holders, gives everything back, as long as the store's patience. */
  readonly close = Effect.fnUntraced({ self: this }, function*(this: Engine) {
    if (this.calls.closed) return
    this.calls.closed = true
    const held: Array<Tenure> = []
    const asking: Array<Contender> = []
    const lines = this.lines.values()
    for (const { contender, tenure } of lines) {
      if (tenure !== undefined) held.push(tenure)
      if (contender !== undefined) asking.push(contender)
    }
    for (const line of lines) {
      for (let waiter = line.head; waiter !== undefined; waiter = line.head) this.give(line, waiter, { _tag: "Closed" })
    }
    for (const tenure of held) this.lose(tenure, "Closed")
    for (const contender of asking) contender.notify(undefined)
    yield* this.calls.close([...held, ...asking].map(({ key, token }) => ({ key, token })))
    this.alarms.stop()
  })

  /** How much there is of what should be gone when nobody holds or waits. */
  get residue(): { readonly lines: number; readonly kept: number; readonly alarms: number; readonly calls: number } {
    return { lines: this.lines.size, kept: this.keeper.size, alarms: this.alarms.size, calls: this.calls.size }
  }

  private invalidExpires(expiresMillis: number): LockError {
    const limit = expiresMillis < this.minExpires
      ? `at least ${Duration.format(Duration.millis(this.minExpires))}`
      : `at most ${Duration.format(Duration.millis(this.maxExpires))}`
    return invalidOption("expires", Duration.millis(expiresMillis), `${limit} with the ${this.store.name} backend`)
  }
}

const isSilence = (reply: Reply): boolean => reply._tag === "BackendFailure" && reply.kind === "NoReply"

const failWith = (reason: BackendFailure): Exit.Exit<never, LockError> => Exit.fail(new LockError({ reason }))

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, unknown, never, never>>>

/** The schedule's next delay in milliseconds, undefined when it has ended. */
const nextDelay = (step: Step, now: number, input: unknown): Effect.Effect<number | undefined> =>
  Pull.catchDone(
    Effect.map(step(now, input), ([, delay]) => Duration.toMillis(delay)),
    () => Effect.undefined
  )

export const makeEngine = (store: LockStore): Effect.Effect<LockBackend["Service"], never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.map(Effect.context<never>(), (context) => new Engine(store, context)),
      (engine) => engine.close()
    ),
    (engine) => ({
      name: store.name,
      take: (request, restore) => engine.take(request, restore),
      inspect: (key) => engine.inspect(key),
      forceRelease: (key) => engine.forceRelease(key)
    })
  )
