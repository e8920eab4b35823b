/** Keeping a lease: extending it, and losing it. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { BackendFailure } from "../LockError.ts"
import type { Call } from "./call.ts"
import * as Calls from "./calls.ts"
import { type Engine, invalidExpires, margin, now, patienceEnds } from "./engine.ts"
import { pass } from "./giving.ts"
import type { HeldLease } from "./lease.ts"
import { turn } from "./line.ts"
import { decodeExtension } from "./options.ts"
import type { Sent, Tenure, Why } from "./tenure.ts"

/** Renews the tenure from now on. Work that ends at once never gets this far. */
export const keep = (engine: Engine, tenure: Tenure): void => {
  if (tenure.state === "Held") engine.keeper.add(tenure)
}

/** Tells the holder that the lease is over, and lets the next local fiber try. */
export const lose = (engine: Engine, tenure: Tenure, why: Why): void => {
  if (tenure.state !== "Held") return
  tenure.state = "Lost"
  engine.keeper.remove(tenure)
  engine.meter.lost()
  const { lease, line } = tenure
  tenure.lease = undefined
  if (line.tenure === tenure) line.tenure = undefined
  // On its way to the next fiber: that one will see, and has the turn.
  if (lease === undefined) return
  pass(engine, line, turn)
  lease.lose(why)
}

/** The store has answered an extension that was sent at `sentAt`. */
const extended = (engine: Engine, tenure: Tenure, sentAt: number, leaseMillis: number, ours: boolean): void => {
  if (tenure.state !== "Held") return
  if (!ours) return lose(engine, tenure, "Taken")
  tenure.deadline = Math.max(tenure.deadline, sentAt + leaseMillis - margin(engine, leaseMillis))
  if (tenure.renew) tenure.renewAt = Math.max(tenure.renewAt, sentAt + leaseMillis / 3)
  engine.keeper.update(tenure)
}

/** Sends an extension on behalf of some tenures, which know of it until it is answered. */
const sendExtension = <A>(
  engine: Engine,
  tenures: ReadonlyArray<Tenure>,
  effect: Effect.Effect<A, BackendFailure>,
  onAnswer: (answer: A) => void
): Call<A, BackendFailure> => {
  const call = Calls.start(engine, effect)
  outstanding(tenures, call, (exit) => {
    if (exit._tag === "Success") onAnswer(exit.value)
  })
  return call
}

/** The tenures know of a call that sets their lease in the store, until it is answered. */
export const outstanding = <A>(
  tenures: ReadonlyArray<Tenure>,
  call: Call<A, BackendFailure>,
  onExit: (exit: Exit.Exit<A, BackendFailure>) => void
): void => {
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

const extendOne = (engine: Engine, tenure: Tenure, sentAt: number): Call<boolean, BackendFailure> => {
  const { extensionMillis } = tenure
  return sendExtension(
    engine,
    [tenure],
    Effect.suspend(() => engine.store.extend(tenure.holding)),
    (ours) => extended(engine, tenure, sentAt, extensionMillis, ours)
  )
}

/** Extends those that are due, in one operation if the store can. */
export const renew = (engine: Engine, due: ReadonlyArray<Tenure>, sentAt: number): void => {
  const { extendAll } = engine.store
  if (extendAll === undefined || due.length === 1) {
    for (const tenure of due) extendOne(engine, tenure, sentAt)
    return
  }
  const millis = due.map((tenure) => tenure.extensionMillis)
  const holdings = due.map((tenure) => tenure.holding)
  sendExtension(engine, due, Effect.suspend(() => extendAll(holdings)), (answers) => {
    for (let i = 0; i < due.length; i++) extended(engine, due[i], sentAt, millis[i], answers[i])
  })
}

/** See `Lease.extend`. */
export const extend = Effect.fnUntraced(
  function*(engine: Engine, lease: HeldLease, input: Duration.Input | undefined) {
    const { key, tenure } = lease
    const asked = input === undefined ? tenure.expiresMillis : yield* Effect.fromResult(decodeExtension(input))
    if (asked > engine.maxExpires) return yield* invalidExpires(engine, asked)
    yield* lease.check
    const expiresMillis = tenure.expiresMillis = Math.max(asked, tenure.expiresMillis)
    // A shorter one that is executed after ours would undo it.
    for (const call of tenure.sentShorter(expiresMillis)) {
      if ((yield* Calls.outcome(engine, call, patienceEnds(engine))) === undefined) {
        return yield* Calls.failWith(Calls.noReply(engine, "extend", key, "an earlier extension is unanswered"))
      }
    }
    yield* lease.check
    const sentAt = now(engine)
    const exit = yield* Calls.outcome(engine, extendOne(engine, tenure, sentAt), sentAt + engine.patience)
    yield* lease.check
    if (exit?._tag !== "Success") {
      return yield* Calls.failWith(yield* Calls.toFailure(engine, exit, "extend", key))
    }
  }
)
