/** The store: the protocol of `scripts.ts` over a transport. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, Holding, LockStore, Settling } from "../../LockStore.ts"
import { monotonicMillis } from "../time.ts"
import * as Failure from "./failure.ts"
import * as Grants from "./grants.ts"
import * as Keys from "./keys.ts"
import * as Scripts from "./scripts.ts"
import type { Command, Transport } from "./transport.ts"

/** Locks in one script: enough to make the script's own cost vanish, few enough not to hold up the server. */
const batchSize = 128
const extendBatchSize = 250

/**
 * So many scripts may be out with so many calls, for the server to work on one
 * while we work on the replies of another. Of many calls two are enough for that,
 * and cost less.
 */
const scriptsOut = (calls: number): number => calls < 32 ? 4 : 2

/** Locks in one script when there are few: less than this is not worth a command of its own. */
const smallestBatch = 4

/** So few calls are each sent at once, for the server to work on the first while we make the next. */
const fewCalls = 6

/** Mode of a waiter: told on its channel, or polling. */
const listening = "1"
const polling = "2"

/** Waiters are told, so they look by themselves only in case the message was lost; a server in trouble is asked sooner. */
const retry: Schedule.Schedule<unknown> = Schedule.spaced(Duration.seconds(3)).pipe(
  Schedule.modifyDelay(({ attempt, duration, input }) =>
    Effect.succeed(
      input instanceof BackendFailure ? Duration.millis(Math.min(250, 10 * 1.5 ** Math.min(attempt, 16))) : duration
    )
  ),
  Schedule.jittered
)

/** The calls that are collected or out, and the scripts that are out. */
class Flight {
  private collected = 0
  private calls = 0
  private scripts = 0

  /** Whether to send a call at once, which is never while others are collected. */
  get isLight(): boolean {
    return this.collected === 0 && this.calls < fewCalls
  }

  collect(): void {
    this.collected++
  }

  /** So many have been collected: the size of the pieces to send them in. */
  dispatch(calls: number): number {
    this.collected -= calls
    const free = scriptsOut(this.calls + calls) - this.scripts
    const pieces = Math.max(1, Math.min(free, Math.floor(calls / smallestBatch)))
    return Math.min(batchSize, Math.ceil(calls / pieces))
  }

  start(calls: number): void {
    this.scripts++
    this.calls += calls
  }

  land(calls: number): void {
    this.scripts--
    this.calls -= calls
  }
}

/**
 * Sends the first few calls at once. Beyond these it collects what comes in during
 * the same turn, in pieces that one script can take; pieces are larger when enough
 * of them are out already.
 */
const collect = <A>(single: boolean, flight: Flight, send: (batch: ReadonlyArray<A>) => void) => {
  let batch: Array<A> = []
  const flush = () => {
    const flushed = batch
    batch = []
    const size = flight.dispatch(flushed.length)
    for (let i = 0; i < flushed.length; i += size) {
      send(flushed.length <= size ? flushed : flushed.slice(i, i + size))
    }
  }
  const add = (item: A) => {
    if (!single || flight.isLight) return send([item])
    if (batch.length === 0) process.nextTick(flush)
    flight.collect()
    batch.push(item)
  }
  return { add, flush }
}

/** A token of ours that the server may know. */
interface Known {
  /** Its name in the queue, which it keeps, or it could be there twice; empty if it never waited. */
  member: string
  /** Claims without reply. */
  out: number
  /** A claim of it has been collected and not handed to the client yet. */
  collected: boolean
  /** A claim of it may have been executed. */
  sent: boolean
  /** Its release is confirmed, so what it is still given has to be given back. */
  returned: boolean
}

interface Asked<A> {
  readonly key: string
  readonly token: string
  readonly lock: string
  readonly call: Settling<A>
}

interface Attempting extends Asked<Attempt> {
  readonly known: Known
  readonly expiresMillis: number
}

/** Nobody waits for the answer. */
const nobody: Settling<unknown> = { settle: () => {} }
const succeedTrue = Exit.succeed(true)
const succeedFalse = Exit.succeed(false)

const notALock = new Error("WRONGTYPE The key holds something that is no lock")

/** One lease for all if they are alike, otherwise one for each. */
const pushLeases = (args: Array<string | number>, batch: ReadonlyArray<{ readonly expiresMillis: number }>): void => {
  const [{ expiresMillis }] = batch
  if (batch.every((one) => one.expiresMillis === expiresMillis)) args.push(expiresMillis)
  else for (const one of batch) args.push(one.expiresMillis)
}

/** Which of a batch were ours, by a reply that is 0 or lists the others. */
const oursIn = (reply: unknown, batch: ReadonlyArray<unknown>): ReadonlyArray<boolean> => {
  const ours = batch.map(() => true)
  if (Array.isArray(reply)) { for (const other of reply) ours[Number(other) - 1] = false }
  return ours
}

const acquired = (micros: number): Attempt => ({ _tag: "Acquired", fencingToken: micros })

const held = (pttl: unknown, holder: unknown, waiters?: unknown): Attempt => {
  const remaining = Number(pttl)
  return {
    _tag: "Held",
    ...(typeof holder === "string" && { token: holder }),
    // Whoever waits for the end of a lease comes a little later than that, and not all at once.
    remainingMillis: remaining < 0 ? undefined : remaining + 2 + Math.random() * 10,
    waiters: waiters === undefined ? undefined : Number(waiters)
  }
}

export const make = Effect.fnUntraced(function*(
  name: string,
  transport: Transport,
  prefix: string
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => monotonicMillis(clock)
  const scripts = Scripts.make(prefix, transport.single)
  const lockKey = (key: string) => Keys.lockKey(prefix, key)

  const tokens = new Map<string, Known>()
  const flight = new Flight()
  /** Releases that did not get through, made up for as soon as the server can be reached. */
  let owed = new Map<string, string>()

  /**
   * A lock given to a token that waits no longer. Its release is usually on its
   * way; but a server that lost its last writes gives to waiters of long ago.
   */
  const stray = (token: string, lock: string): void => {
    const own = lock.indexOf(`${prefix}{`)
    if (tokens.has(token) || own < 0) return
    releases.add({ key: lock, lock: lock.slice(own), token, call: nobody })
  }

  const grants = yield* Grants.make(transport, prefix, now, stray)

  const failure = (operation: string, key: string | undefined, cause: unknown) =>
    Failure.make(name, operation, key, cause)

  const run = <A>(
    script: Scripts.Script,
    keys: number,
    args: ReadonlyArray<string | number>,
    operation: string,
    key: string,
    decode: (reply: unknown) => A
  ): Effect.Effect<A, BackendFailure> =>
    Effect.callback((resume) =>
      transport.send({
        script,
        keys,
        args,
        sent: false,
        succeed: (reply) => resume(Effect.succeed(decode(reply))),
        fail: (cause) => resume(Effect.fail(failure(operation, key, cause)))
      })
    )

  // ---------------------------------------------------------------------------
  // Taking
  // ---------------------------------------------------------------------------

  const claiming = (token: string): Known => {
    let known = tokens.get(token)
    if (known === undefined) {
      tokens.set(token, known = { member: "", out: 0, collected: false, sent: false, returned: false })
    }
    known.out++
    return known
  }

  const answered = (key: string, token: string, known: Known, attempt: Attempt): Attempt => {
    known.out--
    known.sent = true
    if (known.returned) {
      // Executed after its release, as a command that was redirected or sent once more may be.
      if (attempt._tag === "Acquired" || known.member !== "") owed.set(token, key)
      else forget(token, known)
    } else if (attempt._tag === "Held" && known.member === "") forget(token, known)
    return attempt
  }

  const unanswered = (token: string, known: Known, sent: boolean): void => {
    known.out--
    known.sent ||= sent
    if (!known.sent) forget(token, known)
  }

  const forget = (token: string, known: Known): void => {
    if (known.out === 0 && !owed.has(token)) tokens.delete(token)
  }

  const attempts = collect<Attempting>(transport.single, flight, (batch) => {
    const sentAt = now()
    const args: Array<string | number> = []
    for (const { lock } of batch) args.push(lock)
    for (const { known, token } of batch) {
      known.collected = false
      args.push(token)
    }
    pushLeases(args, batch)
    flight.start(batch.length)
    const command: Command = {
      script: scripts.attempt,
      keys: batch.length,
      args,
      sent: false,
      succeed: (reply) => {
        flight.land(batch.length)
        const values: ReadonlyArray<unknown> = Array.isArray(reply) ? reply : [reply]
        const micros = Number(values[0])
        grants.observe(sentAt, micros)
        let next = 1
        for (let i = 0; i < batch.length; i++) {
          const { call, key, known, token } = batch[i]
          const other = values[next]
          if (!Array.isArray(other) || Number(other[0]) !== i + 1) {
            call.settle(Exit.succeed(answered(key, token, known, acquired(micros))))
            continue
          }
          next++
          if (other.length > 1) {
            call.settle(Exit.succeed(answered(key, token, known, held(other[1], other[2]))))
          } else {
            unanswered(token, known, false)
            call.settle(Exit.fail(failure("acquire", key, notALock)))
          }
        }
        settleDebts()
      },
      fail: (cause) => {
        flight.land(batch.length)
        for (const { call, key, known, token } of batch) {
          unanswered(token, known, command.sent)
          call.settle(Exit.fail(failure("acquire", key, cause)))
        }
      }
    }
    transport.send(command)
  })

  const tryAcquire = (claim: Claim, call: Settling<Attempt>): void => {
    if (claim.wait) return queue(claim, undefined, call)
    const { expiresMillis, key, token } = claim
    const known = claiming(token)
    known.collected = true
    attempts.add({ key, token, lock: lockKey(key), expiresMillis, known, call })
  }

  /** Claims with a place in the queue, by waiting or by exchanging `previous` for it. */
  const queue = (claim: Claim, previous: string | undefined, call: Settling<Attempt>): void => {
    const { expiresMillis, key, token } = claim
    const lock = lockKey(key)
    const known = claiming(token)
    if (known.member === "") {
      known.member = `${token},${expiresMillis},${grants.listens(token) ? listening : polling}`
    }
    const claimed = [token, expiresMillis, known.member.slice(-1)]
    const sentAt = now()
    const command: Command = {
      script: previous === undefined ? scripts.wait : scripts.exchange,
      keys: 2,
      args: [lock, Keys.queueKey(lock), ...(previous === undefined ? [] : [previous]), ...claimed],
      sent: false,
      succeed: (reply) => {
        const [ours, time, pttl, holder, waiters] = reply as ReadonlyArray<unknown>
        const micros = Number(time)
        grants.observe(sentAt, micros)
        if (previous !== undefined) returned(previous)
        const attempt = Number(ours) === 1 ? acquired(micros) : held(pttl, holder, waiters)
        call.settle(Exit.succeed(answered(key, token, known, attempt)))
        settleDebts()
      },
      fail: (cause) => {
        unanswered(token, known, command.sent)
        call.settle(Exit.fail(failure(previous === undefined ? "acquire" : "release", key, cause)))
      }
    }
    transport.send(command)
  }

  // ---------------------------------------------------------------------------
  // Giving back
  // ---------------------------------------------------------------------------

  const giveBack = (asked: Asked<boolean>): void => {
    const { call, key, lock, token } = asked
    const known = tokens.get(token)
    // What was asked for first must be executed first.
    if (known?.collected) attempts.flush()
    if (known === undefined || known.member === "") return releases.add(asked)
    transport.send({
      script: scripts.withdraw,
      keys: 2,
      args: [lock, Keys.queueKey(lock), token, known.member],
      sent: false,
      succeed: (reply) => {
        returned(token)
        call.settle(Number((reply as ReadonlyArray<unknown>)[0]) === 1 ? succeedTrue : succeedFalse)
        settleDebts()
      },
      fail: (cause) => call.settle(unreleased(key, token, cause))
    })
  }

  const releases = collect<Asked<boolean>>(transport.single, flight, (batch) => {
    const args: Array<string> = []
    for (const { lock } of batch) args.push(lock, Keys.queueKey(lock))
    for (const { token } of batch) args.push(token)
    flight.start(batch.length)
    transport.send({
      script: scripts.release,
      keys: 2 * batch.length,
      args,
      sent: false,
      succeed: (reply) => {
        flight.land(batch.length)
        const ours = oursIn(reply, batch)
        for (let i = 0; i < batch.length; i++) {
          returned(batch[i].token)
          batch[i].call.settle(ours[i] ? succeedTrue : succeedFalse)
        }
        settleDebts()
      },
      fail: (cause) => {
        flight.land(batch.length)
        for (const { call, key, token } of batch) call.settle(unreleased(key, token, cause))
      }
    })
  })

  const release = (key: string, token: string, call: Settling<boolean>): void =>
    giveBack({ key, lock: lockKey(key), token, call })

  /**
   * A release that may not have reached the server is owed, if the token is
   * ours: nobody wants somebody else's lock freed at some later time.
   */
  const unreleased = (key: string, token: string, cause: unknown): Exit.Exit<never, BackendFailure> => {
    const failed = failure("release", key, cause)
    if (tokens.has(token) && (failed.kind === "Unreachable" || failed.kind === "NoReply")) owed.set(token, key)
    return Exit.fail(failed)
  }

  const returned = (token: string): void => {
    const known = tokens.get(token)
    if (known === undefined) return
    known.returned = true
    owed.delete(token)
    forget(token, known)
  }

  const settleDebts = (): void => {
    if (owed.size === 0) return
    const debts = owed
    owed = new Map()
    for (const [token, key] of debts) giveBack({ key, lock: lockKey(key), token, call: nobody })
  }

  // ---------------------------------------------------------------------------
  // Keeping and looking
  // ---------------------------------------------------------------------------

  const extendBatch = (batch: ReadonlyArray<Holding>): Effect.Effect<ReadonlyArray<boolean>, BackendFailure> =>
    Effect.suspend(() => {
      const args: Array<string | number> = batch.map(({ key }) => lockKey(key))
      args.push(JSON.stringify(batch.map(({ token }) => token)))
      pushLeases(args, batch)
      return run(scripts.extend, batch.length, args, "extend", batch[0].key, (reply) => oursIn(reply, batch))
    })

  const extendAll = Effect.fnUntraced(function*(holdings: ReadonlyArray<Holding>) {
    const batches: Array<Effect.Effect<ReadonlyArray<boolean>, BackendFailure>> = []
    for (let i = 0; i < holdings.length; i += extendBatchSize) {
      const batch = extendBatch(holdings.slice(i, i + extendBatchSize))
      batches.push(i === 0 ? batch : Effect.andThen(Effect.yieldNow, batch))
    }
    return (yield* Effect.all(batches, { concurrency: 4 })).flat()
  })

  const inspect: LockStore["inspect"] = (key) =>
    Effect.suspend(() => {
      const lock = lockKey(key)
      return run(scripts.inspect, 2, [lock, Keys.queueKey(lock)], "inspect", key, (reply) => {
        const [holder, pttl, waiters] = reply as ReadonlyArray<unknown>
        return typeof holder !== "string" ? Option.none() : Option.some({
          token: holder,
          remainingMillis: Number(pttl) < 0 ? undefined : Number(pttl),
          waiters: Number(waiters)
        })
      })
    })

  transport.observe({
    ready: () => {
      settleDebts()
      grants.nudge()
    },
    reset: grants.reset
  })

  const store: LockStore = {
    name,
    callbacks: { tryAcquire, release },
    tryAcquire: (claim) => Effect.callback((resume) => tryAcquire(claim, { settle: resume })),
    extend: (holding) => Effect.map(extendBatch([holding]), ([extended]) => extended),
    release: (key, token) => Effect.callback((resume) => release(key, token, { settle: resume })),
    inspect,
    listen: (_key, token, notify) => grants.listen(token, notify),
    exchange: (token, claim) => Effect.callback((resume) => queue(claim, token, { settle: resume })),
    retry,
    handOver: { times: 512, within: Duration.millis(10) }
  }
  // One node of a cluster that is down must not keep the leases of the others from being renewed.
  return transport.single ? { ...store, extendAll } : store
})
