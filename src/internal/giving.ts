/**
 * Giving back: leases to the next local fiber or to the store, tokens in doubt to
 * the store, and the turn to the next in line. Whoever has the turn must
 * {@link pass} it on, and whoever leaves a token in doubt must {@link disown} it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid, identity } from "effect/Function"
import type { LockRequest } from "../LockConfig.ts"
import type { BackendFailure } from "../LockError.ts"
import { endListening, listen, reply as replyTo, sending } from "./asking.ts"
import * as Calls from "./calls.ts"
import { Contender } from "./contender.ts"
import { type Engine, margin, now, patienceEnds } from "./engine.ts"
import type { HeldLease } from "./lease.ts"
import { type Baton, type Line, turn, type Waiter } from "./line.ts"
import type { Tenure } from "./tenure.ts"

/**
 * Gives a lease back: to the next local fiber where it may, otherwise to the
 * store. The result is what is left to do, if anything.
 */
export const release = (engine: Engine, lease: HeldLease): Effect.Effect<void> | undefined => {
  if (lease.released) return undefined
  lease.released = true
  const { tenure } = lease
  const { line } = tenure
  const { meter, store } = engine
  const at = lease.endedAt ?? now(engine)
  meter.held(at - lease.since)
  meter.holding(-1)
  if (tenure.state === "Lost") return free(engine, tenure, at)
  tenure.lease = undefined
  const next = line.head
  if (next !== undefined && mayHandOver(engine, tenure, next.request, at)) {
    tenure.handed++
    pass(engine, line, { _tag: "Tenure", tenure })
    return undefined
  }
  engine.keeper.remove(tenure)
  tenure.state = "Released"
  if (next !== undefined && store.exchange !== undefined && !engine.closed) {
    return exchange(engine, tenure, next.request.expiresMillis)
  }
  return free(engine, tenure, at, () => vacate(engine, tenure, turn))
}

const vacate = (engine: Engine, tenure: Tenure, baton: Baton): void => {
  const { line } = tenure
  if (line.tenure === tenure) line.tenure = undefined
  pass(engine, line, baton)
}

/**
 * A successor takes a lease as it is, so it must want one of the same length
 * that renews itself, and enough of it must be left.
 */
const mayHandOver = ({ closed, store }: Engine, tenure: Tenure, next: LockRequest, at: number): boolean => {
  const { handOver } = store
  if (handOver === undefined || closed) return false
  const { deadline, expiresMillis, handed, renew, since } = tenure
  const elapsed = at - since
  return handed + 1 < handOver.times &&
    elapsed < Duration.toMillis(handOver.within) &&
    // Fencing tokens of local successors stay below what the store gives out next.
    handed + 1 <= elapsed * 1000 &&
    renew && next.renew && next.expiresMillis === expiresMillis &&
    deadline - at > expiresMillis / 4
}

/** Releases, and claims for the next local waiter, in one operation. */
const exchange = (engine: Engine, tenure: Tenure, expiresMillis: number): Effect.Effect<void> => {
  const { key } = tenure
  const { store } = engine
  const contender = new Contender(key, engine.nextToken(), expiresMillis)
  tenure.line.contender = contender
  const run = Effect.gen(function*() {
    if (store.listen !== undefined) yield* listen(engine, contender)
    const claim = { key, token: contender.token, expiresMillis, wait: true }
    const sentAt = now(engine)
    sending(engine, contender, sentAt)
    const call = Calls.start(engine, Effect.suspend(() => store.exchange!(tenure.token, claim)))
    const reply = yield* replyTo(engine, contender, "release", true, call, sentAt + engine.patience, identity)
    contender.reply = reply
    if (reply._tag === "BackendFailure") yield* unconfirmed(engine, tenure, reply)
  })
  return Effect.onExitPrimitive(
    run,
    (exit) => {
      vacate(engine, tenure, exit._tag === "Success" ? { _tag: "Claimed", contender } : turn)
      return undefined
    },
    true
  )
}

/**
 * Frees the key in the store, and calls `freed` when that is over. A store that
 * cannot be asked is asked again in the background.
 */
const free = (
  engine: Engine,
  tenure: Tenure,
  at: number,
  freed: () => void = constVoid
): Effect.Effect<void> | undefined => {
  const { key, token } = tenure
  const { direct } = engine.shortcuts
  if (engine.closed || direct !== undefined) {
    if (!engine.closed) direct?.release(key, token, at)
    freed()
    return undefined
  }
  const call = Calls.startRelease(engine, key, token)
  return Effect.callback((resume) =>
    call.wait(at + engine.patience, (exit) => {
      if (exit?._tag === "Success") {
        freed()
        return resume(Exit.void)
      }
      const failure = Calls.toFailure(engine, exit, "release", key)
      const failed = Effect.flatMap(failure, (failure) => unconfirmed(engine, tenure, failure))
      resume(Effect.ensuring(failed, Effect.sync(freed)))
    })
  )
}

const unconfirmed = (engine: Engine, tenure: Tenure, failure: BackendFailure): Effect.Effect<void> => {
  engine.meter.releaseFailed()
  Calls.insist(engine, tenure.key, tenure.token, tenure.deadline + margin(engine, tenure.expiresMillis))
  return Effect.logWarning("A lock could not be released, trying again", failure)
}

/**
 * Makes sure that nothing of a contender stays in the store, however late its
 * claims are executed. The result waits for the first confirmation, as long as
 * the store's patience.
 */
export const disown = (engine: Engine, contender: Contender): Effect.Effect<void> | undefined => {
  const queued = contender.listening !== undefined
  endListening(engine, contender)
  if (!contender.doubtful) return undefined
  contender.doubtful = false
  const { askedAt, expiresMillis, key, token, unanswered } = contender
  const first = Calls.insist(engine, key, token, askedAt + expiresMillis)
  for (const claim of unanswered) {
    claim.addObserver((exit) => {
      if (queued || exit._tag === "Failure" || exit.value._tag === "Acquired") settleLate(engine, contender)
    })
  }
  return first.pollUnsafe() === undefined
    ? Effect.asVoid(Calls.outcome(engine, first, patienceEnds(engine)))
    : undefined
}

/** A claim of a token that is no longer wanted has been answered. */
export const settleLate = (engine: Engine, { expiresMillis, key, token }: Contender): void => {
  if (!engine.closed) Calls.insist(engine, key, token, now(engine) + expiresMillis)
}

/** Gives the turn to the next in line; without a next, what came with it goes back and the line ends. */
export const pass = (engine: Engine, line: Line, baton: Baton): void => {
  line.contender = baton._tag === "Claimed" ? baton.contender : undefined
  if (baton._tag === "Tenure" && baton.tenure.state !== "Held") baton = turn
  const next = line.head
  if (next !== undefined) return give(engine, line, next, baton)
  line.tenure = line.contender = line.heard = undefined
  engine.lines.vacate(line)
  if (baton._tag === "Claimed") disown(engine, baton.contender)
  if (baton._tag === "Tenure") {
    const { tenure } = baton
    engine.keeper.remove(tenure)
    tenure.state = "Released"
    Calls.start(engine, free(engine, tenure, now(engine)) ?? Effect.void)
  }
}

/** Takes a waiter out of the line, with what it is given. */
export const give = (engine: Engine, line: Line, waiter: Waiter, baton: Baton): void => {
  line.remove(waiter)
  engine.alarms.cancel(waiter)
  waiter.baton = baton
  // Not in place: a chain of holders that finish at once would grow the stack.
  engine.soon(() => waiter.resume?.(Effect.void))
}
