/**
 * One call that wants a lease: waits for the turn in the line, then asks the store until it has acquired the key,
 * the timeout has passed, or the fiber is interrupted. If it ends without the key, it disowns its claim and passes
 * the turn on.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { LockRequest } from "../../LockConfig.ts"
import type { LockError } from "../../LockError.ts"
import type { Attempt, Grant, Held } from "../../LockStore.ts"
import { failWith } from "../failing.ts"
import type { Caller, Restore } from "../guard.ts"
import { Refusal } from "../refusal.ts"
import type { Call, Reply } from "./call.ts"
import { Claim } from "./claim.ts"
import { isFailure } from "./failures.ts"
import { closed, type Keys, reentered, refused } from "./keys.ts"
import type { Lease } from "./lease.ts"
import type { Line } from "./line.ts"
import { Look } from "./look.ts"
import { Pace } from "./pace.ts"
import type { Front } from "./queue.ts"

export type Taken = Lease | Refusal

type Taking = Effect.Effect<Taken, LockError>

/** Stands in for a reply that is no longer waited for. */
const unheard: Held = { _tag: "Held" }

export class Asker implements Front {
  readonly request: LockRequest
  private readonly keys: Keys
  private readonly line: Line
  private readonly caller: Caller
  private readonly restore: Restore
  private readonly startedAt: number
  private readonly endsAt: number
  private schedule: Pace | undefined = undefined
  /** The key was not free at once. */
  private hasWaited = false
  /** It asks the store without having the turn. */
  private isBeside = false
  /** The last call that it waited for; it stops waiting for that if it ends without the key. */
  private asked: Call<Attempt> | undefined = undefined
  /** Asks who holds the key, in case the last attempt does not say so. */
  private look: Look | undefined = undefined
  /** A shared lease that a holder of this process has passed on to it. The turn has been passed on by then. */
  private served: Lease | undefined = undefined
  /** Stops the current wait for the store, and returns what resumes the fiber. */
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

  private get pace(): Pace {
    const { caller, keys: { port, time }, request: { retry } } = this
    return this.schedule ??= new Pace(port, time, retry, caller)
  }

  private waits(): void {
    if (!this.hasWaited) this.keys.journal.waiting(this.request)
    this.hasWaited = true
  }

  /** It ends without the lock: held by somebody else until the timeout, interrupted, or failed. */
  private endsWithout(isTimeout: boolean): void {
    if (this.hasWaited) this.keys.journal.without(this.request, this.now() - this.startedAt, isTimeout)
  }

  /** Zero for a key that was free at once, however long the store took. */
  private waitedMillis(at: number): number {
    return this.hasWaited ? Math.max(at - this.startedAt, 0.001) : 0
  }

  // ---------------------------------------------------------------------------
  // Waiting in the line
  // ---------------------------------------------------------------------------

  /** Waits for the turn. */
  queue(): Taking {
    const { keys, line, request } = this
    const waiter = line.enter(request, this.startedAt, this.endsAt)
    this.waits()
    // The end of the schedule ends the wait, here as when the store is polled.
    const giving = request.retry && this.pace.passing(() => line.known(this.now()))
    const waiting = Effect.callback<void>((resume) => {
      waiter.whenServed(() => resume(Effect.void))
      giving?.addObserver((exit) => {
        if (exit._tag === "Failure") resume(exit)
        else line.timeOut(waiter)
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
            : refused(keys, request, this.caller, this.waitedMillis(at), waiter.known)
          this.endsWithout(ended instanceof Refusal)
          return ended instanceof Refusal ? Exit.succeed(ended) : ended
        }
        if (baton === "Beside") return this.askBeside(at)
        if (baton instanceof Claim) return this.ask(at, baton)
        if (baton === "Turn") return this.ask(at, undefined)
        return this.receive(baton) ?? (baton.share === undefined ? this.ask(at, undefined) : this.again())
      }
    )
  }

  /** Checks the lease that it has been handed. */
  private receive(lease: Lease): Exit.Exit<Lease> | undefined {
    const at = this.now()
    const received = this.line.receive(lease, at, this.waitedMillis(at))
    if (received === undefined) return undefined
    this.keys.journal.acquired(received, at - this.startedAt)
    return Exit.succeed(received)
  }

  /** The lease that it was given without the turn is over already: it starts again. */
  private again(): Taking {
    const { caller, keys, line: { key }, request, restore, startedAt } = this
    const { lines } = keys
    const found = lines.find(key)
    const isFree = found?.vacant !== false
    const asker = new Asker(keys, isFree ? lines.occupy(key, found) : found, request, caller, restore, startedAt)
    asker.hasWaited = true
    return isFree ? asker.ask(this.now(), undefined) : asker.queue()
  }

  // ---------------------------------------------------------------------------
  // Asking the store
  // ---------------------------------------------------------------------------

  /** Has the turn, and asks the store until the call ends. The previous holder may have made the claim already. */
  ask(at: number, claimed: Claim | undefined): Taking {
    const { keys, line, request } = this
    if (keys.closed) {
      claimed?.disown()
      line.pass("Turn")
      this.endsWithout(false)
      return closed(keys, line.key, this.caller)
    }
    const inherited = claimed?.isFor(request) === true ? claimed : undefined
    if (inherited === undefined) claimed?.disown()
    const claim = inherited ?? new Claim(keys.port, keys.debts, keys.nextToken(at, request.owner), request)
    line.claim = claim
    line.front = undefined
    const first = this.inherit(inherited, at) ?? this.begin(claim, at)
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

  /** Asks the store once, without taking the turn. */
  private askBeside(at: number): Taking {
    const { caller, keys, line: { key }, request } = this
    this.isBeside = true
    const claim = new Claim(keys.port, keys.debts, keys.nextToken(at, request.owner), request)
    return Effect.onExitPrimitive(
      Effect.flatMap(this.attempt(claim, at, Infinity), (reply): Taking => {
        if (keys.closed) return closed(keys, key, caller)
        const lease = this.accept(claim, reply)
        return lease === undefined ? this.giveUp(reply, this.now()) : Exit.succeed(lease)
      }),
      (exit) => {
        if (exit._tag === "Success" && !(exit.value instanceof Refusal)) return undefined
        this.asked?.leave()
        claim.disown()
        this.endsWithout(exit._tag === "Success")
        return undefined
      },
      true
    )
  }

  /** The reply to the claim that the previous holder has made for this call, as far as it has been sent. */
  private inherit(claim: Claim | undefined, at: number): Effect.Effect<Reply<Attempt>> | undefined {
    if (claim === undefined) return undefined
    const { reply, share, unanswered } = claim
    if (share !== undefined && unanswered !== undefined) return this.answer(claim, unanswered, at, Infinity)
    return reply && Exit.succeed(reply)
  }

  /** If others are in front of the sharers, the first attempt already takes a place in the store's queue. */
  private begin(claim: Claim, at: number): Effect.Effect<Reply<Attempt>> {
    if (!this.line.isSought || claim.share === undefined) return this.attempt(claim, at, Infinity)
    return Effect.flatMap(
      this.restore(this.listen(claim, Math.min(this.endsAt, at + this.keys.port.patience))),
      () => this.attempt(claim, this.now(), Infinity)
    )
  }

  /** Sleeps as the schedule says, at most until the timeout or the end of the holder's lease, and asks again. */
  private persist(claim: Claim, first: Reply<Attempt>): Taking {
    return Effect.gen({ self: this }, function*() {
      const { endsAt, keys, line, restore } = this
      const { port } = keys
      let reply = first
      while (true) {
        line.hear(reply)
        if (isFailure(reply) && !reply.retryable) return yield* failWith(reply, this.caller)
        // A lease taken after this would never be told of the close.
        if (keys.closed) return yield* closed(keys, line.key, this.caller)
        const at = this.now()
        if (at >= endsAt) return yield* this.giveUp(reply, at)
        this.waits()

        if (port.store.listen !== undefined && reply._tag === "Held" && !claim.isListening) {
          yield* restore(this.listen(claim, Math.min(endsAt, at + port.patience)))
        } else {
          // The key is in doubt for all waiters until the next answer, so the schedule does not delay that.
          const delay = reply._tag === "Acquired" ? 0 : yield* this.pace.next(reply, claim.news, endsAt, restore)
          if (delay === undefined) return yield* this.giveUp(reply, this.now())
          const remaining = reply._tag === "Held" && reply.watched !== true
            ? reply.remainingMillis ?? Infinity
            : Infinity
          this.beInFront(() => claim.news.leaveSleeper())
          yield* restore(claim.news.sleep(Math.min(at + Math.max(1, Math.min(delay, remaining)), endsAt)))
        }

        const served = this.whatIsServed()
        if (served !== undefined) return yield* served
        if (keys.closed) return yield* closed(keys, line.key, this.caller)
        const grant = claim.news.takeGrant()
        const granted = grant && this.acceptGrant(claim, grant)
        if (granted !== undefined) return granted

        const askAt = this.now()
        const isSilent = isFailure(reply) && reply.kind === "NoReply"
        if (askAt >= endsAt && isSilent) return yield* this.giveUp(reply, askAt)
        if (askAt >= endsAt && reply._tag === "Held" && reply.token === undefined) {
          this.look = new Look(port, line.key, askAt)
        }
        // If the store answers at all, the last attempt may outlast the timeout; it would be pointless otherwise.
        reply = yield* this.attempt(claim, askAt, isSilent ? endsAt : Infinity)
        const handed = this.whatIsServed()
        if (handed !== undefined) return yield* handed
        const lease = this.accept(claim, reply)
        if (lease !== undefined) return lease
      }
    })
  }

  /** From now on a shared lease that is given back in this process can be passed to it. */
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
    // Not synchronously: a chain of holders that finish at once would grow the stack.
    keys.port.soon(wake)
  }

  /** After a wait for the store: the lease that it has been served with meanwhile, if any. */
  private whatIsServed(): Taking | undefined {
    const { line, served } = this
    if (served !== undefined) return this.receive(served) ?? this.again()
    if (line.front === this) line.front = undefined
    return undefined
  }

  /**
   * Sends a claim and waits for the reply. The call itself is never interrupted: the store may execute one that was
   * given up.
   */
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
      call.wait(until, (reply = port.failures.noReply("acquire", claim.key)) => resume(Effect.succeed(reply)))
      if (this.request.share !== undefined && !this.isBeside) {
        this.beInFront(() => {
          call.leave()
          return () => resume(Effect.succeed(unheard))
        })
      }
    }))
  }

  /** Asks the store for notifications, and waits at most until `until` for that to be set up. */
  private listen(claim: Claim, until: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const call = claim.listen()
      call.wait(until, () => resume(Effect.void))
      return Effect.sync(() => call.leave())
    })
  }

  private giveUp(reply: Reply<Attempt>, at: number): Effect.Effect<Refusal, LockError> {
    const { caller, keys, line: { key }, look, request } = this
    if (isFailure(reply)) return failWith(reply, caller)
    if (reply._tag === "Acquired") return failWith(keys.port.failures.late(key), caller)
    const known = look === undefined || reply.token !== undefined ? reply : look.result(at)
    return Exit.succeed(new Refusal(keys, request, caller, this.waitedMillis(at), known))
  }

  // ---------------------------------------------------------------------------
  // Getting the lease
  // ---------------------------------------------------------------------------

  /** The lease of a reply that says acquired, unless it came too late to leave enough of it. */
  private accept(claim: Claim, reply: Reply<Attempt>): Lease | undefined {
    if (reply._tag !== "Acquired" || this.keys.closed) return undefined
    const at = this.now()
    const deadline = claim.deadline(at)
    return deadline === undefined ? undefined : this.won(claim, reply.fencingToken, at, deadline)
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
    const { keys: { journal, sharing }, line, request } = this
    const { share } = request
    // It had to wait behind others.
    const isSought = share !== undefined && claim.isListening
    const lender = share === undefined ? line : sharing
    const lease = claim.won(lender, request, fencingToken, at, deadline, this.waitedMillis(at))
    const own = this.isBeside ? sharing.lend(lease, share) : line.hold(lease, share, isSought)
    journal.acquired(own, at - this.startedAt)
    return own
  }
}
