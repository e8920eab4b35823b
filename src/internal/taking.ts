/**
 * Taking a key: {@link take} waits for its turn in the local line, and
 * {@link contend} asks the store until it says acquired, the timeout has passed,
 * or the fiber is interrupted. Whoever ends without the key disowns the token
 * and passes the turn on.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { Busy, Restore, Taken } from "../LockBackend.ts"
import type { LockRequest } from "../LockConfig.ts"
import type { LockError } from "../LockError.ts"
import type { Grant, Held } from "../LockStore.ts"
import { ask, endListening, listen } from "./asking.ts"
import * as Calls from "./calls.ts"
import { Contender, type Reply } from "./contender.ts"
import { type Engine, invalidExpires, margin, now } from "./engine.ts"
import { disown, pass, settleLate } from "./giving.ts"
import { outstanding } from "./keeping.ts"
import { HeldLease } from "./lease.ts"
import { type Line, turn, Waiter } from "./line.ts"
import { Tenure } from "./tenure.ts"

type Taking = Effect.Effect<Taken | Busy, LockError>

/** A request that has the turn in its line. */
interface Bid {
  readonly line: Line
  readonly request: LockRequest
  readonly startedAt: number
  readonly endsAt: number
  readonly restore: Restore
}

/** Polling, for stores that cannot tell of a release. */
const polling = Schedule.jittered(Calls.backoff(10, 1.5, 250))

/** See `LockBackend.take`. */
export const take = (engine: Engine, request: LockRequest, restore: Restore): Taking => {
  const { expiresMillis, key } = request
  if (engine.closed) return closed(engine, key)
  if (expiresMillis < engine.minExpires || expiresMillis > engine.maxExpires) {
    return Exit.fail(invalidExpires(engine, expiresMillis))
  }
  const startedAt = now(engine)
  const line = engine.lines.find(key)
  if (line === undefined || line.vacant) return begin(engine, line, request, startedAt, startedAt, restore)
  return request.timeoutMillis === 0
    ? behind(engine, line, startedAt)
    : queue(engine, line, request, startedAt, restore)
}

const closed = (engine: Engine, key: string) => Calls.failWith(Calls.closedFailure(engine, "acquire", key))

// -----------------------------------------------------------------------------
// The turn
// -----------------------------------------------------------------------------

/**
 * Claims for the first time; in place, if the store lives in this process. The
 * line is the one found, or the one we have the turn in.
 */
const begin = (
  engine: Engine,
  found: Line | undefined,
  request: LockRequest,
  startedAt: number,
  at: number,
  restore: Restore
): Taking => {
  const { expiresMillis, key, timeoutMillis } = request
  const { direct } = engine.shortcuts
  let claimed: Contender | undefined
  if (direct !== undefined && !engine.closed) {
    engine.meter.attempted()
    const token = engine.nextToken(at)
    const attempt = direct.tryAcquire({ key, token, expiresMillis, wait: false }, at)
    if (attempt._tag === "Acquired") {
      const { fencingToken } = attempt
      const line = engine.lines.occupy(key, found)
      return Exit.succeed(hold(engine, line, request, token, fencingToken, at, at + expiresMillis, startedAt))
    }
    if (timeoutMillis === 0) return busy(engine, attempt, startedAt)
    claimed = new Contender(key, token, expiresMillis)
    claimed.reply = attempt
  }
  const line = engine.lines.occupy(key, found)
  return contend(engine, { line, request, startedAt, endsAt: startedAt + timeoutMillis, restore }, at, claimed)
}

/** Waits in the local line for the turn. */
const queue = (engine: Engine, line: Line, request: LockRequest, startedAt: number, restore: Restore): Taking => {
  const waiter = new Waiter(request, line)
  const endsAt = startedAt + request.timeoutMillis
  engine.alarms.set(waiter, endsAt)
  return Effect.flatMap(
    Effect.onExitPrimitive(
      restore(Effect.callback<void>((resume) => {
        if (waiter.baton !== undefined) resume(Effect.void)
        else waiter.resume = resume
      })),
      (exit) => exit._tag === "Failure" ? Effect.sync(() => leave(engine, waiter)) : undefined,
      true
    ),
    (): Taking => {
      const baton = waiter.baton!
      const at = now(engine)
      switch (baton._tag) {
        case "TimedOut":
          return behind(engine, line, startedAt)
        case "Closed":
          return closed(engine, line.key)
        case "Claimed":
          return contend(engine, { line, request, startedAt, endsAt, restore }, at, baton.contender)
        case "Tenure": {
          const { tenure } = baton
          if (tenure.state === "Held") return Exit.succeed(grasp(engine, tenure, at, startedAt))
          // Lost on its way to us: an extension that is still out could keep it.
          Calls.insist(engine, line.key, tenure.token, tenure.deadline)
        }
      }
      return begin(engine, line, request, startedAt, at, restore)
    }
  )
}

/** An interruption may come after the baton was given and before it was taken. */
const leave = (engine: Engine, waiter: Waiter): void => {
  const { baton, line } = waiter
  engine.alarms.cancel(waiter)
  if (baton === undefined) line.remove(waiter)
  else if (baton._tag !== "TimedOut" && baton._tag !== "Closed") pass(engine, line, baton)
}

/** What to say to a request that cannot have the turn: what the turn knows. */
const behind = (engine: Engine, line: Line, startedAt: number): Exit.Exit<Busy, LockError> => {
  const { heard, tenure } = line
  if (tenure !== undefined) {
    return busy(engine, { token: tenure.token, remainingMillis: tenure.deadline - now(engine) }, startedAt)
  }
  return heard?._tag === "BackendFailure" ? Calls.failWith(heard) : busy(engine, heard ?? {}, startedAt)
}

const busy = (engine: Engine, held: Omit<Held, "_tag">, startedAt: number): Exit.Exit<Busy> => {
  const { token } = held
  engine.meter.timedOut()
  return Exit.succeed({
    _tag: "Busy",
    waitedMillis: Math.max(0, Math.round(now(engine) - startedAt)),
    occupant: token === undefined ? undefined : { ...held, token }
  })
}

// -----------------------------------------------------------------------------
// Asking the store
// -----------------------------------------------------------------------------

/**
 * Asks the store until there is an end to it. The one who had the turn before
 * may have made the first claim.
 */
const contend = (engine: Engine, bid: Bid, at: number, claimed: Contender | undefined): Taking => {
  const { endsAt, line, request, restore } = bid
  if (claimed !== undefined && claimed.expiresMillis !== request.expiresMillis) {
    disown(engine, claimed)
    claimed = undefined
  }
  const contender = claimed ?? new Contender(line.key, engine.nextToken(at), request.expiresMillis)
  line.contender = contender
  const first = claimed === undefined
    ? ask(engine, contender, false, at, cutAt(engine, line.heard, at, endsAt), restore)
    : Effect.succeed(contender.reply!)
  return Effect.onExitPrimitive(
    Effect.flatMap(first, (reply): Taking => {
      const lease = accept(engine, bid, contender, reply)
      return lease === undefined ? persist(engine, bid, contender, reply) : Exit.succeed(lease)
    }),
    (exit) => {
      if (exit._tag === "Success" && exit.value._tag === "Taken") return undefined
      contender.leave()
      const disowned = disown(engine, contender)
      pass(engine, line, turn)
      // Whoever interrupts us finds nothing left behind, if the store is well.
      return exit._tag === "Failure" && Cause.hasInterrupts(exit.cause) ? disowned : undefined
    },
    true
  )
}

/** The retry loop: sleeps as the schedule says, never past what is worth waiting for, and asks again. */
const persist = Effect.fnUntraced(function*(engine: Engine, bid: Bid, contender: Contender, reply: Reply) {
  const { alarms, clock, store } = engine
  const { endsAt, line, request, restore } = bid
  let step: Step | undefined
  while (true) {
    line.heard = reply._tag === "Acquired" ? undefined : reply
    if (reply._tag === "BackendFailure" && !reply.retryable) return yield* Calls.failWith(reply)
    // Whoever holds after this would never be told.
    if (engine.closed) return yield* closed(engine, line.key)
    const at = now(engine)
    if (at >= endsAt) return yield* giveUp(engine, bid, reply)

    if (store.listen !== undefined && reply._tag === "Held" && contender.listening === undefined) {
      yield* restore(listen(engine, contender, endsAt))
    } else {
      step ??= yield* Schedule.toStep(request.retry ?? store.retry ?? polling)
      const delay = yield* nextDelay(step, clock.currentTimeMillisUnsafe(), reply)
      if (delay === undefined) return yield* giveUp(engine, bid, reply)
      const remaining = reply._tag === "Held" ? reply.remainingMillis ?? Infinity : Infinity
      yield* restore(contender.sleep(alarms, Math.min(at + Math.max(1, Math.min(delay, remaining)), endsAt)))
    }

    const grant = contender.takeGrant()
    const granted = grant && acceptGrant(engine, bid, contender, grant)
    if (granted !== undefined) return granted

    const askAt = now(engine)
    if (askAt >= endsAt && isSilence(reply)) return yield* giveUp(engine, bid, reply)
    const until = cutAt(engine, reply, askAt, endsAt)
    reply = yield* ask(engine, contender, contender.listening !== undefined, askAt, until, restore)
    const lease = accept(engine, bid, contender, reply)
    if (lease !== undefined) return lease
  }
})

/**
 * When to stop waiting for a reply at the latest, patience apart. A store that
 * answers is waited for beyond the timeout, or the last attempt would be none;
 * one that was silent has had its time; one we know nothing of gets a little.
 */
const cutAt = ({ patience }: Engine, last: Reply | undefined, askAt: number, endsAt: number): number => {
  if (askAt >= endsAt || last?._tag === "Held") return Infinity
  return last !== undefined && isSilence(last) ? endsAt : Math.max(endsAt, askAt + patience / 4)
}

const giveUp = (engine: Engine, { line, startedAt }: Bid, reply: Reply): Exit.Exit<Busy, LockError> => {
  if (reply._tag === "Held") return busy(engine, reply, startedAt)
  return Calls.failWith(
    reply._tag === "BackendFailure"
      ? reply
      : Calls.noReply(engine, "acquire", line.key, "the reply came after the lease had ended")
  )
}

const isSilence = (reply: Reply): boolean => reply._tag === "BackendFailure" && reply.kind === "NoReply"

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, unknown, never, never>>>

/** The schedule's next delay in milliseconds, undefined when it has ended. */
const nextDelay = (step: Step, at: number, input: unknown): Effect.Effect<number | undefined> =>
  Pull.catchDone(
    Effect.map(step(at, input), ([, delay]) => Duration.toMillis(delay)),
    () => Effect.undefined
  )

// -----------------------------------------------------------------------------
// Having
// -----------------------------------------------------------------------------

/** The lease of a reply that says acquired, unless it came too late to leave enough of it. */
const accept = (engine: Engine, bid: Bid, contender: Contender, reply: Reply): HeldLease | undefined => {
  if (reply._tag !== "Acquired" || engine.closed) return undefined
  const { askedAt, expiresMillis } = contender
  const deadline = askedAt + expiresMillis - margin(engine, expiresMillis)
  const at = now(engine)
  return deadline - at > expiresMillis / 10
    ? settled(engine, bid, contender, reply.fencingToken, at, deadline)
    : undefined
}

/** The lease of a grant, if enough of it is left to rely on without asking again. */
const acceptGrant = (
  engine: Engine,
  bid: Bid,
  contender: Contender,
  { fencingToken, leaseMillis, sinceMillis }: Grant
): HeldLease | undefined => {
  if (engine.closed) return undefined
  const { expiresMillis, renew } = bid.request
  const at = now(engine)
  const deadline = Math.min(sinceMillis, at) + leaseMillis - margin(engine, leaseMillis)
  if (deadline - at < leaseMillis / 4 || (!renew && leaseMillis < expiresMillis)) return undefined
  return settled(engine, bid, contender, fencingToken, at, deadline)
}

/** The contender has become the holder. */
const settled = (
  engine: Engine,
  { line, request, startedAt }: Bid,
  contender: Contender,
  fencingToken: number,
  at: number,
  deadline: number
): HeldLease => {
  endListening(engine, contender)
  line.contender = line.heard = undefined
  const lease = hold(engine, line, request, contender.token, fencingToken, at, deadline, startedAt)
  // An earlier claim that is executed late starts the lease anew, or brings back a key that we have given back.
  for (const claim of contender.unanswered) {
    outstanding([lease.tenure], claim, () => {
      if (lease.tenure.state !== "Held") settleLate(engine, contender)
    })
  }
  return lease
}

const hold = (
  engine: Engine,
  line: Line,
  { expiresMillis, renew }: LockRequest,
  token: string,
  fencingToken: number,
  since: number,
  deadline: number,
  startedAt: number
): HeldLease => {
  const tenure = new Tenure(line, token, renew, expiresMillis, fencingToken, since, deadline)
  line.tenure = tenure
  return grasp(engine, tenure, since, startedAt)
}

/** Gives a tenure to a fiber. */
const grasp = (engine: Engine, tenure: Tenure, at: number, startedAt: number): HeldLease => {
  engine.meter.waited(at - startedAt)
  engine.meter.holding(1)
  return new HeldLease(engine, tenure, at)
}
