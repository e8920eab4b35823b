/**
 * The engine: everything between a lock call and the four operations of a
 * store. One per backend.
 *
 * The life of a request: {@link Engine.take} waits for its turn in the local
 * line; {@link Engine.contend} asks the store until it says acquired, the
 * timeout has passed, or the fiber is interrupted; the {@link Tenure} is kept
 * alive by the {@link Keeper}; {@link Engine.release} hands it to the next local
 * fiber or back to the store, and passes the turn on.
 *
 * Whoever has the turn must pass it on, and whoever leaves a token in doubt must
 * disown it: these two duties are met in one place each, {@link Engine.pass} and
 * {@link Engine.disown}.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { Busy, LockBackend, Restore, Taken } from "../LockBackend.ts"
import { decodeExtension, invalidOption, type LockRequest } from "../LockConfig.ts"
import { BackendFailure, Holder, LockError } from "../LockError.ts"
import type { Attempt, Grant, Held, Holding, LockStore, Occupant } from "../LockStore.ts"
import { Alarms } from "./alarms.ts"
import { Contender, type Reply } from "./contender.ts"
import { Keeper } from "./keeper.ts"
import { type Baton, Line, turn, Waiter } from "./line.ts"
import * as Meter from "./meter.ts"
import { HeldLease, Tenure, type Why } from "./tenure.ts"
import * as Token from "./token.ts"

/** Polling for stores that cannot tell of a release. */
const polling: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential(Duration.millis(10), 1.5),
  Schedule.spaced(Duration.millis(250))
]).pipe(Schedule.jittered)

/** How a failed release is tried again, until the lease has ended by itself. */
const persistent: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential(Duration.millis(20), 2),
  Schedule.spaced(Duration.seconds(1))
])

const isHeld = (reply: Reply): reply is Held => reply._tag === "Held"

export class Engine {
  readonly store: LockStore
  readonly alarms: Alarms
  readonly meter: Meter.Meter
  private readonly keeper: Keeper
  private readonly clock: Clock.Clock
  private readonly nextToken: () => string
  private readonly lines = new Map<string, Line>()
  private readonly tasks = new Set<Fiber.Fiber<unknown, unknown>>()
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly schedule: (task: () => void) => void
  private readonly patience: number
  private readonly drift: number
  private readonly minExpires: number
  private readonly maxExpires: number
  private closed = false

  constructor(store: LockStore, context: Context.Context<never>) {
    this.store = store
    this.clock = Context.get(context, Clock.Clock)
    this.fork = Effect.runForkWith(context)
    this.alarms = new Alarms(this.clock, this.fork)
    this.keeper = new Keeper(this)
    this.meter = Meter.make(store.name, context)
    this.nextToken = Token.make(() => this.clock.currentTimeMillisUnsafe())
    const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
    this.schedule = (task) => dispatcher.scheduleTask(task, 0)
    this.patience = Duration.toMillis(store.patience ?? Duration.seconds(1))
    this.drift = store.drift ?? 0.01
    // Less than this and the margins would eat the lease.
    this.minExpires = this.drift === 0 ? 1 : 10
    this.maxExpires = store.maxExpires === undefined ? Infinity : Duration.toMillis(store.maxExpires)
  }

  // ---------------------------------------------------------------------------
  // Taking
  // ---------------------------------------------------------------------------

  /** See `LockBackend.take`. */
  take(request: LockRequest, restore: Restore): Effect.Effect<Taken | Busy, LockError> {
    return Effect.withFiber((fiber) => {
      if (this.closed) return Effect.fail(this.failed(this.closedFailure("acquire", request.key)))
      const { expiresMillis } = request
      if (expiresMillis < this.minExpires || expiresMillis > this.maxExpires) {
        return Effect.fail(this.invalidExpires(expiresMillis))
      }
      const startedAt = this.alarms.now()
      const line = this.lines.get(request.key)
      if (line === undefined) {
        const created = new Line(request.key)
        this.lines.set(request.key, created)
        return this.contend(created, request, startedAt, startedAt, restore, fiber.context, undefined)
      }
      if (request.timeoutMillis === 0) return this.behind(line, startedAt)
      return this.queue(line, request, startedAt, restore, fiber.context)
    })
  }

  /** Waits in the local line for the turn. */
  private queue(
    line: Line,
    request: LockRequest,
    startedAt: number,
    restore: Restore,
    context: Context.Context<never>
  ): Effect.Effect<Taken | Busy, LockError> {
    const waiter = new Waiter(request)
    line.push(waiter)
    waiter.alarm = this.alarms.set(startedAt + request.timeoutMillis, () => {
      line.remove(waiter)
      waiter.baton = { _tag: "TimedOut" }
      waiter.resume?.()
    })
    const wait = restore(Effect.callback<void>((resume) => {
      if (waiter.baton !== undefined) return resume(Effect.void)
      waiter.resume = () => resume(Effect.void)
    }))
    // An interruption may come after the baton was given and before it was taken.
    const leave = Effect.sync(() => {
      this.alarms.cancel(waiter.alarm!)
      if (waiter.baton === undefined) line.remove(waiter)
      else if (waiter.baton._tag !== "TimedOut" && waiter.baton._tag !== "Closed") this.pass(line, waiter.baton)
    })
    return Effect.flatMap(
      Effect.onExitPrimitive(wait, (exit) => exit._tag === "Failure" ? leave : undefined, true),
      (): Effect.Effect<Taken | Busy, LockError> => {
        const baton = waiter.baton!
        switch (baton._tag) {
          case "TimedOut":
            return this.behind(line, startedAt)
          case "Closed":
            return Effect.fail(this.failed(this.closedFailure("acquire", line.key)))
          case "Tenure": {
            if (baton.tenure.state === "Held") {
              return Effect.succeed(this.grasp(baton.tenure, startedAt))
            }
            return this.contend(line, request, startedAt, this.alarms.now(), restore, context, undefined)
          }
          case "Claimed":
            return this.contend(line, request, startedAt, this.alarms.now(), restore, context, baton.contender)
          case "Turn":
            return this.contend(line, request, startedAt, this.alarms.now(), restore, context, undefined)
        }
      }
    )
  }

  /** What to say to a request that cannot have the turn: what the turn knows. */
  private behind(line: Line, startedAt: number): Effect.Effect<Busy, LockError> {
    const { heard, tenure } = line
    if (tenure === undefined && heard !== undefined && heard._tag === "BackendFailure") {
      return Effect.fail(this.failed(heard))
    }
    const occupant = tenure !== undefined
      ? { token: tenure.token, remainingMillis: tenure.deadline - this.alarms.now() }
      : heard?._tag === "Held"
      ? heard
      : undefined
    return this.busy(occupant, startedAt)
  }

  private busy(occupant: Partial<Occupant> | undefined, startedAt: number): Effect.Effect<Busy> {
    this.meter.timedOut()
    return Effect.succeed({
      _tag: "Busy",
      waitedMillis: Math.max(0, Math.round(this.alarms.now() - startedAt)),
      holder: occupant?.token === undefined ? undefined : toHolder({ ...occupant, token: occupant.token })
    })
  }

  /** With the turn: asks the store until there is an end to it. */
  private contend(
    line: Line,
    request: LockRequest,
    startedAt: number,
    now: number,
    restore: Restore,
    context: Context.Context<never>,
    claimed: Contender | undefined
  ): Effect.Effect<Taken | Busy, LockError> {
    if (claimed !== undefined && claimed.expiresMillis !== request.expiresMillis) {
      this.disown(claimed)
      claimed = undefined
    }
    const contender = claimed ?? new Contender(line.key, this.nextToken(), request.expiresMillis)
    line.contender = contender
    const endsAt = startedAt + request.timeoutMillis
    const first = claimed === undefined
      ? this.ask(contender, false, now, now < endsAt ? endsAt : Infinity, restore, context)
      : Effect.succeed(contender.reply!)
    return Effect.onExitPrimitive(
      Effect.flatMap(first, (reply) => {
        const taken = this.accept(line, request, contender, reply, startedAt)
        return taken === undefined
          ? this.persist(line, request, startedAt, restore, context, contender, reply)
          : Effect.succeed(taken)
      }),
      (exit) => {
        if (exit._tag === "Success" && exit.value._tag === "Taken") return undefined
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
    context: Context.Context<never>,
    contender: Contender,
    reply: Reply
  ) {
    const endsAt = startedAt + request.timeoutMillis
    let step: Step | undefined
    while (true) {
      if (reply._tag === "BackendFailure" && !reply.retryable) return yield* this.failed(reply)
      const now = this.alarms.now()
      line.heard = isHeld(reply) || reply._tag === "BackendFailure" ? reply : undefined
      if (now >= endsAt) return yield* this.giveUp(reply, startedAt)

      if (this.store.listen !== undefined && isHeld(reply) && contender.listening === undefined) {
        // Listening first and asking again closes the gap between the two.
        const failure = yield* restore(this.listen(contender))
        if (failure === undefined) {
          reply = yield* this.ask(contender, true, this.alarms.now(), endsAt, restore, context)
          const taken = this.accept(line, request, contender, reply, startedAt)
          if (taken !== undefined) return taken
          continue
        }
      }

      step ??= yield* Schedule.toStep(request.retry ?? this.store.retry ?? polling)
      const delay = yield* nextDelay(step, this.clock.currentTimeMillisUnsafe(), reply)
      if (delay === undefined) return yield* this.giveUp(reply, startedAt)
      const remaining = isHeld(reply) ? reply.remainingMillis ?? Infinity : Infinity
      yield* restore(contender.sleep(this.alarms, Math.min(now + Math.max(1, Math.min(delay, remaining)), endsAt)))

      const { grant } = contender
      contender.grant = undefined
      if (grant !== undefined) {
        const taken = this.acceptGrant(line, request, contender, grant, startedAt)
        if (taken !== undefined) return taken
      }
      const late = this.alarms.now() >= endsAt
      // A store that does not answer has had its chance: no waiting beyond the timeout for one more silence.
      if (late && reply._tag === "BackendFailure" && reply.kind === "NoReply") return yield* this.giveUp(reply, startedAt)
      const knownWell: boolean = isHeld(reply)
      reply = yield* this.ask(
        contender,
        contender.listening !== undefined,
        this.alarms.now(),
        knownWell || late ? Infinity : endsAt,
        restore,
        context
      )
      const taken = this.accept(line, request, contender, reply, startedAt)
      if (taken !== undefined) return taken
      if (late) {
        line.heard = isHeld(reply) || reply._tag === "BackendFailure" ? reply : undefined
        return yield* this.giveUp(reply, startedAt)
      }
    }
  })

  private giveUp(reply: Reply, startedAt: number): Effect.Effect<Busy, LockError> {
    if (isHeld(reply)) return this.busy(reply, startedAt)
    return Effect.fail(this.failed(
      reply._tag === "BackendFailure" ? reply : this.noReply("acquire", "the answer came after the lease had ended")
    ))
  }

  // ---------------------------------------------------------------------------
  // Asking the store
  // ---------------------------------------------------------------------------

  /**
   * Sends a claim and waits for the reply, `cutAt` or the store's patience at
   * the longest. Claims are never interrupted: one whose reply we gave up on may
   * still be executed, and stays with the contender until it is settled.
   */
  private ask(
    contender: Contender,
    wait: boolean,
    sentAt: number,
    cutAt: number,
    restore: Restore,
    context: Context.Context<never>
  ): Effect.Effect<Reply> {
    this.meter.attempted()
    if (this.closed) return Effect.succeed(this.closedFailure("acquire", contender.key))
    const { expiresMillis, key, token } = contender
    contender.askedAt = sentAt
    contender.doubtful = true
    const claim = this.store.tryAcquire({ key, token, expiresMillis, wait })
    const answered = (exit: Exit.Exit<Attempt, BackendFailure>): Effect.Effect<Reply> => {
      if (exit._tag === "Success") {
        if (isHeld(exit.value) && !wait && contender.unanswered.size === 0) contender.doubtful = false
        return Effect.succeed(exit.value)
      }
      return this.toFailure(exit.cause, "acquire", key)
    }
    if (this.store.immediate === true) {
      return Effect.matchCauseEffect(claim, {
        onSuccess: (attempt) => answered(Exit.succeed(attempt)),
        onFailure: (cause) => answered(Exit.failCause(cause))
      })
    }
    return Effect.suspend(() => {
      const fiber = this.track(Effect.runForkWith(context)(claim))
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return answered(exit)
      contender.unanswered.add(fiber)
      fiber.addObserver(() => contender.unanswered.delete(fiber))
      return Effect.flatMap(
        restore(this.outcome(fiber, Math.min(cutAt, sentAt + Math.min(this.patience, expiresMillis)))),
        (exit) => exit === undefined ? Effect.succeed(this.noReply("acquire", undefined, key)) : answered(exit)
      )
    })
  }

  /** How a fiber ends, or undefined when it has not by `until`. */
  private outcome<A, E>(fiber: Fiber.Fiber<A, E>, until: number): Effect.Effect<Exit.Exit<A, E> | undefined> {
    return Effect.callback((resume) => {
      const ignore = fiber.addObserver((exit) => {
        this.alarms.cancel(alarm)
        resume(Effect.succeed(exit))
      })
      const alarm = this.alarms.set(until, () => {
        ignore()
        resume(Effect.undefined)
      })
      return Effect.sync(() => {
        ignore()
        this.alarms.cancel(alarm)
      })
    })
  }

  /** Runs a store operation within the store's patience; interrupting it leaves it to end by itself. */
  private bounded<A>(
    operation: string,
    key: string,
    effect: Effect.Effect<A, BackendFailure>
  ): Effect.Effect<A, BackendFailure> {
    if (this.closed) return Effect.fail(this.closedFailure(operation, key))
    if (this.store.immediate === true) return effect
    return Effect.suspend(() => {
      const fiber = this.track(this.fork(effect))
      return fiber.pollUnsafe() ?? Effect.flatMap(
        this.outcome(fiber, this.alarms.now() + this.patience),
        (exit) => exit ?? Effect.fail(this.noReply(operation, undefined, key))
      )
    })
  }

  private readonly listen = Effect.fnUntraced({ self: this }, function*(this: Engine, contender: Contender) {
    const scope = Scope.makeUnsafe()
    const exit = yield* Effect.exit(
      this.bounded(
        "listen",
        contender.key,
        Scope.provide(this.store.listen!(contender.key, contender.token, contender.notify), scope)
      )
    ).pipe(Effect.onInterrupt(() => Scope.close(scope, Exit.void)))
    if (exit._tag === "Success") {
      contender.listening = scope
      return undefined
    }
    yield* Scope.close(scope, Exit.void)
    return exit.cause
  })

  // ---------------------------------------------------------------------------
  // Having
  // ---------------------------------------------------------------------------

  /** The lease of a reply that says acquired, unless it came too late to be of use. */
  private accept(
    line: Line,
    request: LockRequest,
    contender: Contender,
    reply: Reply,
    startedAt: number
  ): HeldLease | undefined {
    if (reply._tag !== "Acquired") return undefined
    const { askedAt, expiresMillis } = contender
    const deadline = askedAt + expiresMillis - this.margin(expiresMillis)
    const now = this.store.immediate === true ? askedAt : this.alarms.now()
    if (now >= deadline) return undefined
    return this.hold(line, request, contender, reply.fencingToken, now, deadline, startedAt)
  }

  /** The lease of a grant, if enough of it is left to rely on without asking again. */
  private acceptGrant(
    line: Line,
    request: LockRequest,
    contender: Contender,
    grant: Grant,
    startedAt: number
  ): HeldLease | undefined {
    const now = this.alarms.now()
    const deadline = Math.min(grant.sinceMillis, now) + grant.leaseMillis - this.margin(grant.leaseMillis)
    if (deadline - now < grant.leaseMillis / 4) return undefined
    if (!request.renew && grant.leaseMillis < request.expiresMillis) return undefined
    return this.hold(line, request, contender, grant.fencingToken, now, deadline, startedAt)
  }

  private hold(
    line: Line,
    request: LockRequest,
    contender: Contender,
    fencingToken: number,
    since: number,
    deadline: number,
    startedAt: number
  ): HeldLease {
    const tenure = new Tenure({
      line,
      token: contender.token,
      renew: request.renew,
      fencingToken,
      since,
      expiresMillis: contender.expiresMillis,
      deadline
    })
    line.tenure = tenure
    line.heard = undefined
    line.contender = undefined
    if (contender.listening !== undefined) this.endListening(contender)
    return this.grasp(tenure, startedAt)
  }

  /** Gives a tenure to a fiber. */
  private grasp(tenure: Tenure, startedAt: number): HeldLease {
    const now = tenure.handed === 0 ? tenure.since : this.alarms.now()
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
    if (lease === undefined) return
    this.pass(line, turn)
    lease.lose(why)
  }

  /** An extension that was sent at `sentAt` has been answered. */
  extended(
    tenure: Tenure,
    sentAt: number,
    expiresMillis: number,
    exit: Exit.Exit<boolean, BackendFailure>
  ): void {
    if (tenure.state !== "Held" || exit._tag === "Failure") return
    if (!exit.value) return this.lose(tenure, "Taken")
    tenure.deadline = Math.max(tenure.deadline, sentAt + expiresMillis - this.margin(expiresMillis))
    if (tenure.renew) tenure.renewAt = sentAt + expiresMillis / 3
    this.keeper.update(tenure)
  }

  holding(tenure: Tenure): Holding {
    return { key: tenure.line.key, token: tenure.token, expiresMillis: tenure.expiresMillis }
  }

  /** Sends an extension on behalf of some tenures and remembers that it is on its way. */
  sendExtension<A>(
    tenures: ReadonlyArray<Tenure>,
    effect: Effect.Effect<A, BackendFailure>,
    onExit: (exit: Exit.Exit<A, BackendFailure>) => void
  ): Fiber.Fiber<A, BackendFailure> {
    const fiber = this.track(this.fork(effect))
    for (const tenure of tenures) tenure.extending.add(fiber)
    fiber.addObserver((exit) => {
      for (const tenure of tenures) tenure.extending.delete(fiber)
      onExit(exit)
    })
    return fiber
  }

  /** See `Lease.extend`. */
  readonly extend = Effect.fnUntraced({ self: this }, function*(
    this: Engine,
    lease: HeldLease,
    input: Duration.Input | undefined
  ) {
    const { tenure } = lease
    const asked = input === undefined ? tenure.expiresMillis : yield* Effect.fromResult(decodeExtension(input))
    if (asked > this.maxExpires) return yield* this.invalidExpires(asked)
    const expiresMillis = Math.max(asked, tenure.expiresMillis)
    if (expiresMillis > tenure.expiresMillis) {
      // One of another length must not overtake it in the store, or we would believe in the longer.
      for (const fiber of Array.from(tenure.extending)) {
        if ((yield* this.outcome(fiber, this.alarms.now() + this.patience)) === undefined) {
          return yield* this.failed(this.noReply("extend", "an earlier extension is unanswered", lease.key))
        }
      }
    }
    if (lease.released) return yield* lease.lostError("Released")
    if (lease.why !== undefined) return yield* lease.lostError(lease.why)
    tenure.expiresMillis = expiresMillis
    const sentAt = this.alarms.now()
    const fiber = this.sendExtension(
      [tenure],
      this.store.extend(this.holding(tenure)),
      (exit) => this.extended(tenure, sentAt, expiresMillis, exit)
    )
    const exit = yield* this.outcome(fiber, sentAt + this.patience)
    if (lease.released) return yield* lease.lostError("Released")
    if (lease.why !== undefined) return yield* lease.lostError(lease.why)
    if (exit === undefined) return yield* this.failed(this.noReply("extend", undefined, lease.key))
    if (exit._tag === "Failure") return yield* this.failed(yield* this.toFailure(exit.cause, "extend", lease.key))
  })

  /** The exit of work whose lease ended first. What else went wrong in the work stays visible beside it. */
  lostExit<A, E>(error: LockError, exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> {
    const lost = Cause.fail(error)
    if (exit._tag === "Success") return Exit.failCause(lost)
    const others = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
    return Exit.failCause(others.length === 0 ? lost : Cause.combine(lost, Cause.fromReasons(others)))
  }

  // ---------------------------------------------------------------------------
  // Giving back
  // ---------------------------------------------------------------------------

  /** Gives a lease back: to the next local fiber where it may, otherwise to the store. */
  release(lease: HeldLease): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (lease.released) return Effect.void
      lease.released = true
      const { tenure } = lease
      const { line } = tenure
      const now = this.alarms.now()
      this.meter.held(now - lease.since)
      this.meter.holding(-1)
      if (tenure.state === "Lost") return this.free(tenure)
      tenure.lease = undefined
      const next = line.head
      if (next !== undefined && this.mayHandOver(tenure, next.request, now)) {
        tenure.handed++
        this.pass(line, { _tag: "Tenure", tenure })
        return Effect.void
      }
      this.keeper.remove(tenure)
      tenure.state = "Released"
      return next !== undefined && this.store.exchange !== undefined && !this.closed
        ? this.exchange(tenure, next.request.expiresMillis)
        : Effect.map(this.free(tenure), () => this.vacate(tenure, turn))
    })
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
    if (handOver === undefined || this.closed) return false
    const elapsed = now - tenure.since
    return tenure.handed + 1 < handOver.times &&
      elapsed < Duration.toMillis(handOver.within) &&
      // Fencing tokens of local successors stay below what the store gives out next.
      tenure.handed + 1 <= elapsed * 1000 &&
      tenure.renew && next.renew && next.expiresMillis === tenure.expiresMillis &&
      tenure.deadline - now > tenure.expiresMillis / 4
  }

  /** Releases, and queues for the next local waiter, in one operation. */
  private exchange(tenure: Tenure, expiresMillis: number): Effect.Effect<void> {
    const contender = new Contender(tenure.line.key, this.nextToken(), expiresMillis)
    const run = Effect.fnUntraced({ self: this }, function*(this: Engine) {
      if (this.store.listen !== undefined) yield* this.listen(contender)
      contender.askedAt = this.alarms.now()
      contender.doubtful = true
      this.meter.attempted()
      const { key, token } = contender
      const exit = yield* Effect.exit(
        this.bounded("release", key, this.store.exchange!(tenure.token, { key, token, expiresMillis, wait: true }))
      )
      if (exit._tag === "Success") {
        contender.reply = exit.value
        return
      }
      contender.reply = yield* this.toFailure(exit.cause, "release", key)
      this.unconfirmed(tenure, contender.reply)
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

  /** Frees the key in the store. A store that cannot be asked is asked again in the background. */
  private free(tenure: Tenure): Effect.Effect<void> {
    const { key } = tenure.line
    return Effect.catch(
      Effect.asVoid(this.bounded("release", key, this.store.release(key, tenure.token))),
      (failure) => Effect.sync(() => this.unconfirmed(tenure, failure))
    )
  }

  private unconfirmed(tenure: Tenure, failure: BackendFailure): void {
    this.meter.releaseFailed()
    this.track(this.fork(Effect.andThen(
      Effect.logWarning("A lock could not be released, trying again", failure),
      this.insist(tenure.line.key, tenure.token, tenure.deadline + this.margin(tenure.expiresMillis))
    )))
  }

  /** Releases a token, again and again, until the store confirms or its lease has ended anyway. */
  private insist(key: string, token: string, until: number): Effect.Effect<void> {
    return Effect.ignore(Effect.retry(
      Effect.suspend(() => this.bounded("release", key, this.store.release(key, token))),
      Schedule.while(persistent, () => this.alarms.now() < until)
    ))
  }

  /**
   * Makes sure that nothing of a contender stays in the store, however late its
   * claims are executed. The result waits for the first confirmation, as long as
   * the store's patience.
   */
  private disown(contender: Contender): Effect.Effect<void> | undefined {
    if (contender.listening !== undefined) this.endListening(contender)
    if (!contender.doubtful) return undefined
    contender.doubtful = false
    const { expiresMillis, key, token } = contender
    const first = this.track(this.fork(this.insist(key, token, contender.askedAt + expiresMillis)))
    for (const claim of contender.unanswered) {
      claim.addObserver((exit) => {
        if (exit._tag === "Success" && isHeld(exit.value) && contender.listening === undefined) return
        if (!this.closed) this.track(this.fork(this.insist(key, token, this.alarms.now() + expiresMillis)))
      })
    }
    return first.pollUnsafe() !== undefined
      ? undefined
      : Effect.asVoid(this.outcome(first, this.alarms.now() + this.patience))
  }

  private endListening(contender: Contender): void {
    this.fork(Scope.close(contender.listening!, Exit.void))
    contender.listening = undefined
  }

  /** Gives the turn to the next in line; without a next, what came with it goes back and the line ends. */
  private pass(line: Line, baton: Baton): void {
    line.contender = undefined
    if (baton._tag === "Tenure" && baton.tenure.state !== "Held") baton = turn
    const next = line.head
    if (next === undefined) {
      if (this.lines.get(line.key) === line) this.lines.delete(line.key)
      if (baton._tag === "Claimed") this.disown(baton.contender)
      if (baton._tag === "Tenure") {
        this.keeper.remove(baton.tenure)
        baton.tenure.state = "Released"
        this.fork(this.free(baton.tenure))
      }
      return
    }
    line.remove(next)
    this.alarms.cancel(next.alarm!)
    next.baton = baton
    // Not in place: a chain of holders that finish at once would grow the stack.
    this.schedule(() => next.resume?.())
  }

  // ---------------------------------------------------------------------------
  // Looking on
  // ---------------------------------------------------------------------------

  /** See `LockBackend.inspect`. */
  inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError> {
    return Effect.mapError(
      Effect.map(this.bounded("inspect", key, this.store.inspect(key)), Option.map(toHolder)),
      (failure) => this.failed(failure)
    )
  }

  /** See `LockBackend.forceRelease`. A holder in this process is told at once. */
  forceRelease(key: string): Effect.Effect<boolean, LockError> {
    return Effect.flatMap(this.inspect(key), (holder) => {
      if (Option.isNone(holder)) return Effect.succeed(false)
      const { token } = holder.value
      return Effect.mapError(
        Effect.tap(this.bounded("release", key, this.store.release(key, token)), () =>
          Effect.sync(() => {
            const tenure = this.lines.get(key)?.tenure
            if (tenure?.token === token) this.lose(tenure, "Taken")
          })),
        (failure) => this.failed(failure)
      )
    })
  }

  // ---------------------------------------------------------------------------
  // Closing
  // ---------------------------------------------------------------------------

  /** Fails the waiters, tells the holders, gives everything back, as long as the store's patience. */
  readonly close = Effect.fnUntraced({ self: this }, function*(this: Engine) {
    this.closed = true
    const held: Array<Tenure> = []
    for (const line of Array.from(this.lines.values())) {
      for (let waiter = line.head; waiter !== undefined; waiter = line.head) {
        line.remove(waiter)
        this.alarms.cancel(waiter.alarm!)
        waiter.baton = { _tag: "Closed" }
        waiter.resume?.()
      }
      line.contender?.notify(undefined)
      if (line.tenure !== undefined) held.push(line.tenure)
    }
    for (const tenure of held) this.lose(tenure, "Closed")
    yield* Effect.forEach(held, (tenure) => Effect.ignore(this.store.release(tenure.line.key, tenure.token)), {
      concurrency: "unbounded"
    }).pipe(Effect.timeoutOption(Duration.millis(this.patience)))
    const until = this.alarms.now() + this.patience
    for (const task of Array.from(this.tasks)) yield* this.outcome(task, until)
    yield* Fiber.interruptAll(Array.from(this.tasks))
    this.alarms.stop()
  })

  /** How much there is: of everything zero when nobody holds or waits. */
  get residue(): { readonly lines: number; readonly kept: number; readonly alarms: number; readonly tasks: number } {
    return { lines: this.lines.size, kept: this.keeper.size, alarms: this.alarms.size, tasks: this.tasks.size }
  }

  private track<A, E>(fiber: Fiber.Fiber<A, E>): Fiber.Fiber<A, E> {
    if (fiber.pollUnsafe() === undefined) {
      this.tasks.add(fiber)
      fiber.addObserver(() => this.tasks.delete(fiber))
    }
    return fiber
  }

  // ---------------------------------------------------------------------------
  // Failing
  // ---------------------------------------------------------------------------

  private failed(failure: BackendFailure): LockError {
    return new LockError({ reason: failure })
  }

  private failure(
    operation: string,
    kind: "NoReply" | "Closed" | "Unknown",
    description: string | undefined,
    key: string | undefined
  ): BackendFailure {
    return new BackendFailure({
      backend: this.store.name,
      operation,
      kind,
      retryable: kind === "NoReply",
      key,
      description
    })
  }

  private noReply(operation: string, description?: string, key?: string): BackendFailure {
    return this.failure(operation, "NoReply", description ?? "no reply in time", key)
  }

  private closedFailure(operation: string, key: string): BackendFailure {
    return this.failure(operation, "Closed", "the backend has been closed", key)
  }

  /** A failure stays one, a defect goes on; only closing the backend interrupts an operation. */
  private toFailure(cause: Cause.Cause<BackendFailure>, operation: string, key: string): Effect.Effect<BackendFailure> {
    const error = Cause.findErrorOption(cause)
    if (Option.isSome(error)) return Effect.succeed(error.value)
    if (Cause.hasInterruptsOnly(cause)) return Effect.succeed(this.closedFailure(operation, key))
    return Effect.failCause(cause as Cause.Cause<never>)
  }

  private invalidExpires(expiresMillis: number): LockError {
    const limit = expiresMillis < this.minExpires
      ? `at least ${Duration.format(Duration.millis(this.minExpires))}`
      : `at most ${Duration.format(Duration.millis(this.maxExpires))}`
    return invalidOption("expires", Duration.millis(expiresMillis), `${limit} with the ${this.store.name} backend`)
  }
}

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, unknown, never, never>>>

/** The schedule's next delay in milliseconds, undefined when it has ended. */
const nextDelay = (step: Step, now: number, input: unknown): Effect.Effect<number | undefined> =>
  Pull.catchDone(
    Effect.map(step(now, input), ([, delay]) => Duration.toMillis(delay)),
    () => Effect.undefined
  )

const toHolder = ({ remainingMillis, token, waiters }: Occupant): Holder => {
  const remaining = remainingMillis === undefined ? undefined : Duration.millis(Math.max(0, Math.round(remainingMillis)))
  return new Holder({ token, ...Token.parse(token), remaining, waiters })
}

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
