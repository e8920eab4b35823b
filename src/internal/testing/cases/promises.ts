/** What must hold for locks in the store. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Lock from "../../../Lock.ts"
import { type Case, immediately, same, that, wrong } from "../case.ts"
import { claim, held, isFree, reasonOf, take } from "../steps.ts"

const nameOf = (fault: "lostReply" | "lateReply" | "lostRequest" | "lateRequest"): string =>
  fault.replace(/[A-Z]/, (letter) => ` ${letter.toLowerCase()}`)

export const promises: ReadonlyArray<Case> = [
  {
    name: "no two holders overlap, be they fibers or processes",
    run: Effect.fnUntraced(function*(bench) {
      const { end, key, one, other, process } = bench
      const processes = [yield* process(one), yield* process(other)]
      let inside = 0
      let overlaps = 0
      let done = 0
      const last = { fencingToken: -1, order: true }
      const section = Lock.withLock(
        (lease) =>
          Effect.gen(function*() {
            if (++inside > 1) overlaps++
            if (lease.fencingToken <= last.fencingToken) last.order = false
            last.fencingToken = lease.fencingToken
            yield* Effect.sleep(2)
            inside--
            done++
          }),
        key,
        { timeout: "60 seconds", expires: "10 seconds" }
      )
      const workers = processes.flatMap((process) =>
        Array.from({ length: 4 }, () => process(Effect.repeat(section, { times: 3 })))
      )
      const fiber = yield* Effect.forkChild(
        Effect.all(workers, { concurrency: "unbounded", discard: true }),
        immediately
      )
      const exit = yield* end("everybody gets a turn", 60_000, fiber)
      yield* same("how it ends", reasonOf(exit), "Success")
      yield* same("overlaps", overlaps, 0)
      yield* same("turns", done, 32)
      yield* that("fencing tokens increase", last.order)
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  },
  {
    name: "a timeout of zero is one attempt",
    run: Effect.fnUntraced(function*(bench) {
      const { asked, end, faulty, key, other, process, slack, token } = bench
      const here = yield* process(faulty)
      const holder = token()
      yield* take(bench, other, key, holder)
      const fiber = yield* Effect.forkChild(
        Effect.exit(here(Lock.withLock(Effect.void, key, { timeout: 0 }))),
        immediately
      )
      const exit = Exit.getSuccess(yield* end("the attempt", slack, fiber))
      yield* same("how it ends", reasonOf(Option.getOrThrow(exit)), "LockTimeout")
      yield* same("attempts", yield* asked("tryAcquire", key), 1)
    })
  },
  {
    name: "a waiter takes over from a holder in another process",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, eventually, key, lease, one, other, process, slack } = bench
      const [here, there] = [yield* process(one), yield* process(other)]
      let held = false
      let released = false
      const work = Effect.suspend(() => {
        held = true
        return Effect.sleep(lease)
      })
      const holder = yield* Effect.forkChild(
        here(Effect.andThen(Lock.withLock(work, key), Effect.sync(() => released = true))),
        immediately
      )
      yield* eventually("the holder has the key", slack, Effect.sync(() => held))
      const waiter = yield* Effect.forkChild(there(Lock.withLock(Effect.sync(() => released), key)), immediately)
      yield* elapse(lease / 2)
      yield* same("the waiter waits", waiter.pollUnsafe(), undefined)
      yield* end("the holder ends", lease + slack, holder)
      const exit = yield* end("the waiter takes over", 2_000 + slack, waiter)
      yield* same("how it ends", reasonOf(exit), "Success")
    })
  },
  {
    name: "a waiter takes over from a holder that crashed",
    run: Effect.fnUntraced(function*(bench) {
      const { end, grain, key, lease, now, one, other, process, slack, token } = bench
      const here = yield* process(one)
      const { at } = yield* take(bench, other, key, token(), lease)
      const waiter = yield* Effect.forkChild(here(Lock.withLock(now, key)), immediately)
      const exit = yield* end("the waiter takes over", lease + grain + 2_000 + slack, waiter)
      if (exit._tag === "Failure") return yield* wrong(`the waiter fails with ${reasonOf(exit)}`)
      yield* that("the waiter takes over before the lease has ended", exit.value >= at + lease * 0.99 - 2)
    })
  },
  {
    name: "one that waited and is gone blocks nobody for longer than its lease",
    run: Effect.fnUntraced(function*(bench) {
      const { end, grain, key, lease, one, other, process, slack, token } = bench
      const here = yield* process(one)
      const [holder, gone] = [token(), token()]
      yield* take(bench, other, key, holder)
      yield* held("the waiting token", yield* other.tryAcquire(claim(key, gone, lease, true)))
      const waiter = yield* Effect.forkChild(here(Lock.withLock(Effect.void, key)), immediately)
      yield* same("the release of the holder", yield* other.release(key, holder), true)
      const exit = yield* end("the waiter takes over", lease + grain + 5_000 + slack, waiter)
      yield* same("how it ends", reasonOf(exit), "Success")
    })
  },
  {
    name: "a holder keeps the lock for longer than a lease",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, key, lease, one, other, process, slack, token } = bench
      const here = yield* process(one)
      const work = yield* Effect.forkChild(
        here(Lock.withLock(Effect.sleep(lease * 2.5), key, { expires: lease })),
        immediately
      )
      yield* elapse(lease * 2)
      yield* held("after two leases", yield* other.tryAcquire(claim(key, token(), lease)))
      yield* same("how it ends", reasonOf(yield* end("the work", lease + slack, work)), "Success")
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  },
  {
    name: "a holder is told of a theft within its lease",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, faults, faulty, key, lease, process, slack } = bench
      const here = yield* process(faulty)
      const work = yield* Effect.forkChild(here(Lock.withLock(Effect.never, key, { expires: lease })), immediately)
      yield* elapse(lease / 10)
      yield* faults.steal(key)
      const exit = yield* end("the holder is told", lease + slack, work)
      yield* same("how it ends", reasonOf(exit), "LockLost")
    })
  },
  {
    name: "a holder is told when its lease ends because the store is out of reach",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, faults, faulty, key, lease, now, process, slack } = bench
      const here = yield* process(faulty)
      const work = yield* Effect.forkChild(here(Lock.withLock(Effect.never, key, { expires: lease })), immediately)
      yield* elapse(lease / 10)
      yield* same("the holder works", work.pollUnsafe(), undefined)
      const before = yield* now
      yield* faults.down
      const exit = yield* end("the holder is told", lease + slack, work)
      yield* same("how it ends", reasonOf(exit), "LockLost")
      yield* that("the holder is told before it is necessary", (yield* now) - before >= lease / 2)
      yield* faults.up
    })
  },
  {
    name: "nobody acquires while the store is out of reach",
    run: Effect.fnUntraced(function*(bench) {
      const { end, faults, faulty, key, patience, process, slack } = bench
      const here = yield* process(faulty)
      yield* faults.down
      let ran = false
      const work = Effect.sync(() => {
        ran = true
      })
      for (const timeout of [0, 300]) {
        const attempt = yield* Effect.forkChild(here(Lock.withLock(work, key, { timeout })), immediately)
        const exit = yield* end("the attempt", timeout + patience + slack, attempt)
        yield* same("how it ends", reasonOf(exit), "BackendFailure")
      }
      yield* that("the work did not run", !ran)
      yield* faults.up
    })
  },
  {
    name: "a lost reply is asked for again, and is no holder",
    run: Effect.fnUntraced(function*(bench) {
      const { end, faults, faulty, key, other, patience, process, slack } = bench
      const here = yield* process(faulty)
      yield* faults.lostReply("tryAcquire")
      const work = yield* Effect.forkChild(
        here(Lock.withLock(Effect.succeed(1), key, { timeout: patience * 3 + slack, expires: "60 seconds" })),
        immediately
      )
      yield* same("how it ends", reasonOf(yield* end("the work", patience * 3 + slack * 2, work)), "Success")
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  },
  ...(["lostReply", "lateReply", "lostRequest", "lateRequest"] as const).map((fault): Case => ({
    name: `an attempt given up after a ${nameOf(fault)} is no holder and leaves nothing behind`,
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, eventually, faults, faulty, key, other, patience, process, slack } = bench
      const here = yield* process(faulty)
      // By more than this process may be late: what arrives in the same turn as the end of patience is an answer.
      yield* faults[fault]("tryAcquire", Duration.millis(patience * 1.5 + slack))
      const work = yield* Effect.forkChild(
        here(Lock.withLock(Effect.void, key, { timeout: 0, expires: "60 seconds" })),
        immediately
      )
      yield* same("how it ends", reasonOf(yield* end("the attempt", patience + slack, work)), "BackendFailure")
      yield* elapse(patience)
      yield* eventually("the key is free", 1_000 + slack, isFree(other, key))
    })
  })),
  ...(["lostReply", "lateReply", "lateRequest"] as const).map((fault): Case => ({
    name: `an attempt interrupted before a ${nameOf(fault)} leaves nothing behind`,
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, eventually, faults, faulty, key, other, patience, process, slack } = bench
      const here = yield* process(faulty)
      yield* faults[fault]("tryAcquire", Duration.millis(patience * 0.5 + slack))
      const work = yield* Effect.forkChild(
        here(Lock.withLock(Effect.void, key, { expires: "60 seconds" })),
        immediately
      )
      yield* elapse(patience * 0.2)
      work.interruptUnsafe()
      yield* same("how it ends", reasonOf(yield* end("the interruption", patience + slack, work)), "Interrupt")
      yield* elapse(patience)
      yield* eventually("the key is free", 1_000 + slack, isFree(other, key))
    })
  })),
  {
    name: "a waiter that is interrupted leaves nothing behind",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, eventually, key, one, other, patience, process, slack, token } = bench
      const here = yield* process(one)
      const holder = token()
      yield* take(bench, other, key, holder)
      const waiters = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.forkChild(here(Lock.withLock(Effect.void, key)), immediately)
      )
      yield* elapse(200)
      for (const waiter of waiters) {
        waiter.interruptUnsafe()
        yield* same("how it ends", reasonOf(yield* end("the interruption", patience + slack, waiter)), "Interrupt")
      }
      // It has left at once here, and in the store within a round trip.
      yield* eventually(
        "nobody waits",
        1_000 + slack,
        Effect.map(other.inspect(key), (holder) => (Option.getOrUndefined(holder)?.waiters ?? 0) === 0)
      )
      yield* same("the holder", Option.getOrUndefined(yield* other.inspect(key))?.token, holder)
      yield* other.release(key, holder)
      yield* eventually("the key is free", 1_000 + slack, isFree(other, key))
    })
  },
  {
    name: "a release that fails does not replace the result, and is made up for",
    run: Effect.fnUntraced(function*(bench) {
      const { end, eventually, faults, faulty, key, other, patience, process, slack } = bench
      const here = yield* process(faulty)
      const work = yield* Effect.forkChild(
        here(Lock.withLock(Effect.as(faults.down, "result"), key, { expires: "60 seconds" })),
        immediately
      )
      const exit = yield* end("the work", patience + slack, work)
      yield* same("the result", Option.getOrUndefined(Exit.getSuccess(exit)), "result")
      yield* faults.up
      yield* eventually("the key is free", patience * 2 + 2_000 + slack, isFree(other, key))
    })
  },
  {
    name: "a backend that closes gives back what it held",
    run: Effect.fnUntraced(function*(bench) {
      const { end, eventually, key, one, other, patience, process, slack } = bench
      const scope = yield* Scope.make()
      const here = yield* Scope.provide(process(one), scope)
      let held = false
      const forever = Effect.suspend(() => {
        held = true
        return Effect.never
      })
      const work = yield* Effect.forkChild(
        here(Lock.withLock(forever, key, { expires: "60 seconds" })),
        immediately
      )
      yield* eventually("the holder has the key", slack, Effect.sync(() => held))
      yield* same("the key is free", yield* isFree(other, key), false)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), immediately)
      yield* end("the backend closes", patience * 2 + slack, closing)
      yield* same("the key is free", yield* isFree(other, key), true)
      yield* same("how the work ends", reasonOf(yield* end("the work", slack, work)), "LockLost")
    })
  }
]
