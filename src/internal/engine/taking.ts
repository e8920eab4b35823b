/**
 * Taking a key: waits for the turn in the line, and then asks the store until it
 * says acquired, the time is over, or the fiber is interrupted. Whoever ends
 * without the key disowns the claim and passes the turn on.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { LockRequest } from "../../LockConfig.ts"
import { type BackendFailure, type LockError, LockReentered } from "../../LockError.ts"
import type { Attempt, Grant, Held, Occupant } from "../../LockStore.ts"
import { failWith } from "../failing.ts"
import * as Reentry from "../reentry.ts"
import { type Known, Refusal, type Refusing } from "../refusal.ts"
import type { Bearer } from "../shortcuts.ts"
import * as Token from "../token.ts"
import type { Call, Reply } from "./call.ts"
import { Claim } from "./claim.ts"
import type { KeyMap } from "./keyMap.ts"
import { Lease } from "./lease.ts"
import type { Counter } from "./lender.ts"
import type { Front, Line, Waiter } from "./line.ts"
import { isFailure, leastRenewed } from "./port.ts"
import { isSame, type SharingParts } from "./sharing.ts"

export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

type Caller = Fiber.Fiber<unknown, unknown>

export type Taken = Lease | Refusal

type Taking = Effect.Effect<Taken, LockError>

/** Stands for a lease that is about to be made. */
const somebody: Bearer = { text: undefined, token: "" }

/** What takers of a backend have in common. */
export interface Keys extends SharingParts, Refusing {
  readonly lines: KeyMap<Line>
  /** Where keys are had that nobody here waits for. */
  readonly counter: Counter
  /** What tokens say that are drawn when somebody asks for them. */
  readonly owner: string
}

/** For one who does not wait for the reply any more. */
const unheard: Held = { _tag: "Held" }

/** Polling, for stores that cannot tell of a release. */
const polling = Schedule.jittered(
  Schedule.min([Schedule.exponential(Duration.millis(10), 1.5), Schedule.spaced("250 millis")])
)

/** At once, where nothing has to be waited for. It acts when it is called, so only what owns the outcome calls it. */
export const take = (keys: Keys, request: LockRequest, caller: Caller, restore: Restore): Taken | Taking => {
  const { expiresMillis, key, renew, share, timeoutMillis } = request
  const { lines, port } = keys
  if (keys.closed) return closed(keys, key, caller)
  if (expiresMillis < leastRenewed || expiresMillis > port.maxExpires) {
    const error = port.invalidExpires(expiresMillis, renew)
    if (error !== undefined) return Exit.fail(error)
  }
  if (share !== undefined && port.store.shares !== true) return failWith(port.unshared(key), caller)
  const at = port.alarms.now()
  const found = port.direct !== undefined && lines.size() === 0 ? undefined : lines.find(key)
  let line = found?.vacant === false ? found : undefined
  if (line === undefined && port.direct !== undefined) {
    const lease = takeInPlace(keys, request, at)
    if (lease !== undefined) return lease
    if (timeoutMillis === 0) return new Refusal(keys, request, caller, 0, undefined)
    const holder = port.direct.look(key, at)?.bearer
    // One that was lost has the key in the store until it is back: that is waited for like another process.
    if (holder instanceof Lease && holder.isHeld && holder.lender === keys.counter) {
      line = lines.occupy(key, found)
      line.adopt(holder)
    }
  }
  if (line === undefined) {
    const joined = keys.sharing.join(request, at)
    if (joined === undefined) {
      return new Asker(keys, lines.occupy(key, found), request, caller, restore, at).ask(at, undefined)
    }
    keys.journal.acquired(joined, 0)
    return joined
  }
  const inVain = reentered(keys, request, caller)
  if (inVain !== undefined) return inVain
  if (timeoutMillis === 0 && !line.isInDoubt) return behind(keys, request, caller, 0, line.known(at))
  return new Asker(keys, line, request, caller, restore, at).queue()
}

/** Of a store in this process, without a line. */
const takeInPlace = (keys: Keys, request: LockRequest, at: number): Lease | undefined => {
  const { atLeastMillis, expiresMillis, key, owner, renew, share } = request
  keys.journal.meter.attempts++
  const hold = keys.port.direct!.take(key, somebody, expiresMillis, at, share)
  if (hold === undefined) return undefined
  const lender = share === undefined ? keys.counter : keys.sharing
  const token = owner === keys.owner ? undefined : keys.nextToken(at, owner)
  const lease = new Lease(lender, key, token, 0, expiresMillis, renew, at, at + expiresMillis, 0).carriedBy(hold)
  if (atLeastMillis > 0) lease.stay = at + atLeastMillis
  const own = share === undefined ? lease : keys.sharing.lend(lease, share)
  keys.journal.acquired(own, 0)
  return own
}

const closed = ({ port }: Keys, key: string, caller: Caller) => failWith(port.closedFailure("acquire", key), caller)

/** Work that would wait for what it holds itself waits in vain. */
const reentered = (
  keys: Keys,
  { key, share, timeoutMillis }: LockRequest,
  caller: Caller
): Exit.Exit<never, LockError> | undefined => {
  if (timeoutMillis === 0) return undefined
  const found = Reentry.find(caller, keys, key)
  if (found === undefined || Reentry.partOf(caller, found.section) === undefined) return undefined
  const how = (share: unknown) => share === undefined ? "alone" : "shared"
  return failWith(new LockReentered({ key, held: how(found.lease.share), wanted: how(share) }), caller)
}

/** What to say to a request that cannot have the turn: what is known. */
const behind = (
  keys: Keys,
  request: LockRequest,
  caller: Caller,
  waitedMillis: number,
  known: Held | BackendFailure | undefined
): Refusal | Exit.Exit<never, LockError> =>
  isFailure(known) ? failWith(known, caller) : new Refusal(keys, request, caller, waitedMillis, known)

/** One caller on its way to a lease. */
class Asker implements Front {
  readonly request: LockRequest
  private readonly keys: Keys
  private readonly line: Line
  private readonly caller: Caller
  private readonly restore: Restore
  private readonly startedAt: number
  private readonly endsAt: number
  private step: Step | undefined = undefined
  /** It was not free at once. */
  private hasWaited = false
  /** What it has waited for last, which it leaves if it ends without. */
  private asked: Call<Attempt> | undefined = undefined
  /** Who has the key, asked together with the last attempt. */
  private looking: Call<Option.Option<Occupant>> | undefined = undefined
  private lookedAt = 0
  /** A shared lease that another one here has passed on to it. The turn has gone on then. */
  private served: Lease | undefined = undefined
  private leave: (() => () => void) | undefined = undefined

  constructor(keys: Keys, line: Line, request: LockRequest, caller: Caller, restore: Restore, startedAt: number) {
    this.keys = keys
    this.line = line
    this.request = request
    this.caller = caller
    this.restore = restore
    this.startedAt = startedAt
    this.endsAt = startedAt + request.timeoutMillis
  }

  private now(): number {
    return this.keys.port.alarms.now()
  }

  private waits(): void {
    if (!this.hasWaited) this.keys.journal.waiting(this.request)
    this.hasWaited = true
  }

  /** It ends without the lock: somebody else had it until the timeout, or it was interrupted, or failed. */
  private endsWithout(isTimeout: boolean): void {
    if (this.hasWaited) this.keys.journal.without(this.request, this.now() - this.startedAt, isTimeout)
  }

  /** Not the same for those who had it at once, however long that took. */
  private waitedMillis(at: number): number {
    return this.hasWaited ? Math.max(at - this.startedAt, 0.001) : 0
  }

  // ---------------------------------------------------------------------------
  // In the line
  // ---------------------------------------------------------------------------

  /** Waits for the turn. */
  queue(): Taking {
    const { keys, line, request } = this
    const waiter = line.enter(request, this.startedAt, this.endsAt)
    this.waits()
    // A schedule that ends ends the wait, here as in front of the store.
    const giving = request.retry && Effect.runForkWith(this.caller.context)(this.giveUpWaiting(waiter))
    const waiting = Effect.callback<void>((resume) => {
      waiter.whenServed(() => resume(Effect.void))
      giving?.addObserver((exit) => {
        if (exit._tag === "Failure") resume(exit)
      })
    })
    return Effect.flatMap(
      Effect.onExitPrimitive(
        this.restore(waiting),
        (exit) => {
          if (exit._tag === "Failure") {
            line.leave(waiter)
            this.endsWithout(false)
          }
          giving?.interruptUnsafe()
          return undefined
        },
        true
      ),
      (): Taking => {
        const baton = waiter.baton!
        const at = this.now()
        if (baton === "TimedOut" || baton === "Closed") {
          const ended = baton === "Closed"
            ? closed(keys, line.key, this.caller)
            : behind(keys, request, this.caller, this.waitedMillis(at), waiter.known)
          this.endsWithout(ended instanceof Refusal)
          return asEffect(ended)
        }
        if (baton instanceof Claim) return this.ask(at, baton)
        if (baton === "Turn") return this.ask(at, undefined)
        return this.receive(baton) ?? (baton.share === undefined ? this.ask(at, undefined) : this.again())
      }
    )
  }

  /** Looks at what it has been handed. */
  private receive(lease: Lease): Exit.Exit<Lease> | undefined {
    const at = this.now()
    const received = this.line.receive(lease, at, this.waitedMillis(at))
    if (received === undefined) return undefined
    this.keys.journal.acquired(received, at - this.startedAt)
    return Exit.succeed(received)
  }

  /** What it was given without the turn is over already: it asks for that anew. */
  private again(): Taking {
    const { caller, keys, line: { key }, request, restore, startedAt } = this
    const { lines } = keys
    const found = lines.find(key)
    const isFree = found?.vacant !== false
    const asker = new Asker(keys, isFree ? lines.occupy(key, found) : found, request, caller, restore, startedAt)
    asker.hasWaited = true
    return isFree ? asker.ask(this.now(), undefined) : asker.queue()
  }

  private giveUpWaiting(waiter: Waiter): Effect.Effect<void> {
    return Effect.flatMap(this.nextDelay(this.line.known(this.now())), (delay) => {
      if (delay === undefined) return Effect.sync(() => this.line.timeOut(waiter))
      return Effect.flatMap(this.pause(this.now() + Math.max(1, delay)), () => this.giveUpWaiting(waiter))
    })
  }

  private pause(until: number): Effect.Effect<void> {
    const { alarms } = this.keys.port
    return Effect.callback((resume) => {
      const alarm = { index: -1, ring: () => resume(Effect.void) }
      alarms.set(alarm, until)
      return Effect.sync(() => alarms.cancel(alarm))
    })
  }

  // ---------------------------------------------------------------------------
  // In front of the store
  // ---------------------------------------------------------------------------

  /** Has the turn, and asks until there is an end to it. The one who had it before may have claimed for us. */
  ask(at: number, claimed: Claim | undefined): Taking {
    const { keys, line, request } = this
    if (keys.closed) {
      claimed?.disown()
      line.pass("Turn")
      this.endsWithout(false)
      return closed(keys, line.key, this.caller)
    }
    const isOurs = claimed !== undefined && claimed.expiresMillis === request.expiresMillis &&
      isSame(claimed.share, request.share) && claimed.outlives === request.atLeastMillis > 0 &&
      Token.isOf(claimed.token, request.owner)
    if (!isOurs) claimed?.disown()
    const claim = isOurs ? claimed : new Claim(keys.port, keys.debts, keys.nextToken(at, request.owner), request)
    line.claim = claim
    line.front = undefined
    const sent = isOurs && claim.share !== undefined ? claim.unanswered : undefined
    const first = sent !== undefined
      ? this.answer(claim, sent, at, Infinity)
      : isOurs && claim.reply !== undefined
      ? Exit.succeed(claim.reply)
      : line.isSought && request.share !== undefined
      ? Effect.flatMap(
        this.restore(this.listen(claim, Math.min(this.endsAt, at + keys.port.patience))),
        () => this.attempt(claim, this.now(), Infinity)
      )
      : this.attempt(claim, at, Infinity)
    return Effect.onExitPrimitive(
      Effect.flatMap(first, (reply): Taking => {
        const served = this.whatIsServed()
        if (served !== undefined) return served
        const lease = this.accept(claim, reply)
        if (lease !== undefined) return Exit.succeed(lease)
        return reply._tag === "Held"
          ? reentered(keys, request, this.caller) ?? this.persist(claim, reply)
          : this.persist(claim, reply)
      }),
      (exit) => {
        if (exit._tag === "Success" && !(exit.value instanceof Refusal)) return undefined
        const { asked, served } = this
        asked?.leave()
        if (served === undefined) {
          claim.disown()
          line.pass("Turn")
          this.endsWithout(exit._tag === "Success")
        } else if (!served.isBack) {
          line.forsake(served)
          this.endsWithout(false)
        }
        return undefined
      },
      true
    )
  }

  /** Sleeps as the schedule says, never past what is worth waiting for, and asks again. */
  private persist(claim: Claim, first: Reply<Attempt>): Taking {
    return Effect.gen({ self: this }, function*() {
      const { endsAt, keys, line, restore } = this
      const { port } = keys
      let reply = first
      while (true) {
        // What we had for a moment, and found over, says nothing of others: it is in doubt again who has the key.
        line.hear(reply._tag === "Acquired" ? undefined : reply)
        if (isFailure(reply) && !reply.retryable) return yield* failWith(reply, this.caller)
        // Whoever holds after this would never be told.
        if (keys.closed) return yield* closed(keys, line.key, this.caller)
        const at = this.now()
        if (at >= endsAt) return yield* this.giveUp(reply, at)
        this.waits()

        if (port.store.listen !== undefined && reply._tag === "Held" && !claim.isListening) {
          yield* restore(this.listen(claim, Math.min(endsAt, at + port.patience)))
        } else {
          // Those behind are told nothing before the next answer, so it is not for the schedule when to ask for it.
          const delay = reply._tag === "Acquired" ? 0 : yield* this.inTime(claim, this.nextDelay(reply))
          if (delay === undefined) return yield* this.giveUp(reply, this.now())
          const remaining = reply._tag === "Held" && reply.watched !== true
            ? reply.remainingMillis ?? Infinity
            : Infinity
          this.beInFront(() => claim.leaveSleeper())
          yield* restore(claim.sleep(Math.min(at + Math.max(1, Math.min(delay, remaining)), endsAt)))
        }

        const served = this.whatIsServed()
        if (served !== undefined) return yield* served
        if (keys.closed) return yield* closed(keys, line.key, this.caller)
        const grant = claim.takeGrant()
        const granted = grant && this.acceptGrant(claim, grant)
        if (granted !== undefined) return granted

        const askAt = this.now()
        const isSilent = isFailure(reply) && reply.kind === "NoReply"
        if (askAt >= endsAt && isSilent) return yield* this.giveUp(reply, askAt)
        if (askAt >= endsAt && reply._tag === "Held" && reply.token === undefined) this.look(askAt)
        // A store that answers is waited for beyond the time, or the last attempt would be none.
        reply = yield* this.attempt(claim, askAt, isSilent ? endsAt : Infinity)
        const handed = this.whatIsServed()
        if (handed !== undefined) return yield* handed
        const lease = this.accept(claim, reply)
        if (lease !== undefined) return lease
      }
    })
  }

  /** From now on it can be served with what somebody here gives back: it leaves what it waits for, which is how to wake it. */
  private beInFront(leave: () => () => void): void {
    if (this.request.share === undefined) return
    this.leave = leave
    this.line.front = this
  }

  serve(lease: Lease): void {
    const { keys, line } = this
    this.served = lease
    const wake = this.leave!()
    line.pass(line.claim!)
    // Not in place: a chain of holders that finish at once would grow the stack.
    keys.port.soon(wake)
  }

  /** After a wait in front of the store: what it has been served with meanwhile, if it has. */
  private whatIsServed(): Taking | undefined {
    const { line, served } = this
    if (served !== undefined) return this.receive(served) ?? this.again()
    if (line.front === this) line.front = undefined
    return undefined
  }

  /** Sends a claim and waits for the reply. It is never interrupted: one we gave up on may still be executed. */
  private attempt(claim: Claim, at: number, cutAt: number): Effect.Effect<Reply<Attempt>> {
    const { journal, port } = this.keys
    journal.meter.attempts++
    if (port.direct !== undefined) return Exit.succeed(claim.take(at))
    return this.answer(claim, claim.ask(at, this.caller), at, cutAt)
  }

  private answer(claim: Claim, call: Call<Attempt>, at: number, cutAt: number): Effect.Effect<Reply<Attempt>> {
    const { port } = this.keys
    if (call.reply !== undefined) return Exit.succeed(call.reply)
    const until = Math.min(cutAt, at + Math.min(port.patience, claim.expiresMillis))
    this.asked = call
    return this.restore(Effect.callback<Reply<Attempt>>((resume) => {
      call.wait(until, (reply = port.noReply("acquire", claim.key)) => resume(Effect.succeed(reply)))
      if (this.request.share !== undefined) {
        this.beInFront(() => {
          call.leave()
          return () => resume(Effect.succeed(unheard))
        })
      }
    }))
  }

  /** Has the store tell of news, and waits for that until the time given. */
  private listen(claim: Claim, until: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const call = claim.listen()
      call.wait(until, () => resume(Effect.void))
      return Effect.sync(() => call.leave())
    })
  }

  /** A store that has not said who has the key is asked together with the last attempt, not after it. */
  private look(at: number): void {
    this.lookedAt = at
    const looking = this.looking = this.keys.port.inspect(this.line.key)
    // Perhaps nobody wants to know.
    looking.leave()
  }

  private giveUp(reply: Reply<Attempt>, at: number): Effect.Effect<Refusal, LockError> {
    if (isFailure(reply)) return failWith(reply, this.caller)
    if (reply._tag === "Acquired") return failWith(this.tooLate(), this.caller)
    const { caller, keys, looking, request } = this
    const known = looking === undefined || reply.token !== undefined ? reply : this.looked(looking, at)
    return Exit.succeed(new Refusal(keys, request, caller, this.waitedMillis(at), known))
  }

  /** It may take twice as long as the attempt did, within the store's patience. */
  private looked(looking: Call<Option.Option<Occupant>>, at: number): Effect.Effect<Known | undefined> {
    const { lookedAt } = this
    const until = Math.min(lookedAt + this.keys.port.patience, at + Math.max(10, at - lookedAt))
    return Effect.callback((resume) => {
      looking.wait(until, (reply) => {
        resume(Effect.succeed(reply === undefined || isFailure(reply) ? undefined : Option.getOrUndefined(reply)))
      })
      return Effect.sync(() => looking.leave())
    })
  }

  private tooLate(): BackendFailure {
    return this.keys.port.noReply("acquire", this.line.key, "the reply came after the lease had ended")
  }

  // ---------------------------------------------------------------------------
  // The schedule
  // ---------------------------------------------------------------------------

  /** The next delay in milliseconds, undefined when the schedule has ended. */
  private nextDelay(input: unknown): Effect.Effect<number | undefined> {
    const { port: { store }, time } = this.keys
    const start = this.step === undefined
      ? Effect.map(
        Schedule.toStep(this.request.retry ?? store.retry ?? polling),
        (step) => this.step = step as Step
      )
      : Exit.succeed(this.step)
    return Effect.flatMap(start, (step) =>
      Pull.catchDone(
        Effect.map(Effect.suspend(() => step(time.wallMillis(), input)), ([, delay]) => {
          const millis = Duration.toMillis(delay)
          return Number.isNaN(millis) ? 0 : millis
        }),
        () => Effect.undefined
      ))
  }

  /**
   * A step that takes time takes no more than there is, and ends when there is news:
   * then there is no delay left to wait for.
   */
  private inTime(claim: Claim, delay: Effect.Effect<number | undefined>): Effect.Effect<number | undefined> {
    const fiber = Effect.runForkWith(this.caller.context)(delay)
    const done = fiber.pollUnsafe()
    if (done !== undefined) return done
    const { alarms } = this.keys.port
    return this.restore(Effect.callback<number | undefined>((resume) => {
      let isOver = false
      const rest = () => {
        if (isOver) return
        isOver = true
        alarms.cancel(alarm)
        claim.whileBusy(undefined)
      }
      // Whoever goes on may be busy with the next step by the time that this one has ended.
      const hurry = () => (rest(), resume(Effect.succeed(0)), fiber.interruptUnsafe())
      const alarm = { index: -1, ring: hurry }
      alarms.set(alarm, this.endsAt)
      fiber.addObserver((exit) => (rest(), resume(exit)))
      claim.whileBusy(hurry)
      return Effect.sync(() => (rest(), fiber.interruptUnsafe()))
    }))
  }

  // ---------------------------------------------------------------------------
  // Having
  // ---------------------------------------------------------------------------

  /** The lease of a reply that says acquired, unless it came too late to leave enough of it. */
  private accept(claim: Claim, reply: Reply<Attempt>): Lease | undefined {
    if (reply._tag !== "Acquired" || this.keys.closed) return undefined
    const { askedAt, expiresMillis } = claim
    const at = this.now()
    const deadline = askedAt + expiresMillis - this.keys.port.margin(expiresMillis)
    return deadline - at > expiresMillis / 10 ? this.won(claim, reply.fencingToken, at, deadline) : undefined
  }

  /** The lease of a grant, if enough of it is left to rely on without asking again. */
  private acceptGrant(claim: Claim, grant: Grant): Lease | undefined {
    if (this.keys.closed) return undefined
    const { atLeastMillis, expiresMillis, renew } = this.request
    const leaseMillis = Math.min(grant.leaseMillis, expiresMillis)
    const at = this.now()
    const deadline = Math.min(grant.sinceMillis, at) + leaseMillis - this.keys.port.margin(leaseMillis)
    if (deadline - at < leaseMillis / 4 || leaseMillis < (renew ? atLeastMillis : expiresMillis)) return undefined
    return this.won(claim, grant.fencingToken, at, deadline)
  }

  private won(claim: Claim, fencingToken: number, at: number, deadline: number): Lease {
    const lease = this.line.hold(this.request, claim, fencingToken, at, deadline, this.waitedMillis(at))
    this.keys.journal.acquired(lease, at - this.startedAt)
    return lease
  }
}

type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration]>

const asEffect = (taken: Taken | Taking): Taking => Effect.isEffect(taken) ? taken : Exit.succeed(taken)
