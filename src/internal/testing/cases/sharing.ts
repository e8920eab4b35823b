/** What must hold for a shared key. */
import * as Effect from "effect/Effect"
import * as Lock from "../../../Lock.ts"
import { type Case, ifShares, immediately, same, that, wrong } from "../case.ts"
import { acquired, claim, held, holdersOf, isFree, permitsOf, portion, queued, reasonOf, take } from "../steps.ts"

export const sharing: ReadonlyArray<Case> = ([
  {
    name: "sharers are let in together up to the limit, and one leaving makes room for one",
    run: Effect.fnUntraced(function*({ key, one, other, token }) {
      const [a, b, c, d] = [token(), token(), token(), token()]
      const limit = { limit: 3 }
      for (const [store, sharer] of [[one, a], [other, b], [one, c]] as const) {
        yield* acquired("within the limit", yield* store.tryAcquire(portion(key, sharer, 60_000, limit)))
      }
      yield* held("beyond the limit", yield* other.tryAcquire(portion(key, d, 60_000, limit)))
      yield* acquired("one that asks again", yield* other.tryAcquire(portion(key, a, 60_000, limit)))
      yield* same("the holders", yield* permitsOf(other, key), "1,1,1")
      yield* same("the release, by the other", yield* one.release(key, b), true)
      yield* same("the second release", yield* other.release(key, b), false)
      yield* acquired("in its place", yield* other.tryAcquire(portion(key, d, 60_000, limit)))
      yield* held("beyond the limit", yield* one.tryAcquire(portion(key, b, 60_000, limit)))
      for (const sharer of [a, c, d]) yield* same("the release", yield* other.release(key, sharer), true)
      yield* same("the key is free", yield* isFree(one, key), true)
    })
  },
  {
    name: "permits weigh, and each claim is judged by its own limit",
    run: Effect.fnUntraced(function*({ key, one, other, token }) {
      const [heavy, light, wide] = [token(), token(), token()]
      yield* acquired("three of five", yield* one.tryAcquire(portion(key, heavy, 60_000, { limit: 5, permits: 3 })))
      yield* held("three more", yield* other.tryAcquire(portion(key, token(), 60_000, { limit: 5, permits: 3 })))
      yield* held("one of a limit of three", yield* other.tryAcquire(portion(key, token(), 60_000, { limit: 3 })))
      yield* acquired("two more", yield* other.tryAcquire(portion(key, light, 60_000, { limit: 5, permits: 2 })))
      yield* acquired("a reader", yield* other.tryAcquire(portion(key, wide, 60_000)))
      yield* same("the holders", yield* permitsOf(one, key), "1,2,3")
      yield* same("the release", yield* other.release(key, heavy), true)
      yield* same("the release", yield* one.release(key, wide), true)
      yield* acquired("three of five", yield* one.tryAcquire(portion(key, heavy, 60_000, { limit: 5, permits: 3 })))
      const most = { limit: Number.MAX_SAFE_INTEGER, permits: Number.MAX_SAFE_INTEGER - 5 }
      yield* acquired("all the others", yield* one.tryAcquire(portion(key, wide, 60_000, most)))
      yield* held("not one too many", yield* other.tryAcquire(portion(key, token(), 60_000)))
      for (const sharer of [heavy, light, wide]) yield* same("the release", yield* other.release(key, sharer), true)
      yield* same("the key is free", yield* isFree(one, key), true)
    })
  },
  {
    name: "who has the key alone keeps sharers out, and the other way round",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, other, token } = bench
      const [alone, shared] = [token(), token()]
      const before = (yield* take(bench, one, key, alone)).fencingToken
      yield* held("a sharer", yield* other.tryAcquire(portion(key, shared, 60_000)))
      yield* same("the holders", yield* permitsOf(other, key), "alone")
      yield* same("the release", yield* one.release(key, alone), true)
      const between = yield* acquired("a sharer", yield* other.tryAcquire(portion(key, shared, 60_000)))
      const attempt = yield* one.tryAcquire(claim(key, alone, 60_000))
      if (attempt._tag === "Acquired") return yield* wrong("somebody has a shared key alone")
      if (attempt.token !== undefined) yield* same("the holder's token", attempt.token, shared)
      yield* same("an extension by who has nothing", yield* one.extend(claim(key, alone, 60_000)), false)
      yield* same("a release by who has nothing", yield* one.release(key, alone), false)
      yield* same("the holders", yield* permitsOf(one, key), "1")
      yield* same("the release", yield* one.release(key, shared), true)
      const after = (yield* take(bench, other, key, alone)).fencingToken
      yield* that(`fencing tokens are ${[before, between, after].join()}`, before < between && between < after)
      yield* same("an extension by who has nothing", yield* one.extend(claim(key, shared, 60_000)), false)
      yield* same("a release by who has nothing", yield* one.release(key, shared), false)
    })
  },
  {
    name: "each sharer's lease ends by itself, whatever the others do",
    run: Effect.fnUntraced(function*(bench) {
      const { eventually, grain, key, lease, now, one, other, slack, token } = bench
      const [short, long, next] = [token(), token(), token()]
      const limit = { limit: 2 }
      const at = yield* now
      yield* acquired("a short one", yield* one.tryAcquire(portion(key, short, lease, limit)))
      yield* acquired("a long one", yield* other.tryAcquire(portion(key, long, 60_000, limit)))
      let early = false
      yield* eventually(
        "the short one makes room",
        lease + grain + slack,
        Effect.gen(function*() {
          yield* one.extend(claim(key, long, 60_000))
          const attempt = yield* other.tryAcquire(portion(key, next, 60_000, limit))
          early = attempt._tag === "Acquired" && (yield* now) < at + lease * 0.99 - 2
          return attempt._tag === "Acquired"
        })
      )
      yield* that("the lease ended early", !early)
      yield* same("the extension of what has ended", yield* one.extend(claim(key, short, 60_000)), false)
      yield* same("the release of what has ended", yield* one.release(key, short), false)
      yield* same("the extension of the others", yield* other.extend(claim(key, next, 60_000)), true)
      yield* same("the holders", yield* permitsOf(one, key), "1,1")
    })
  },
  {
    name: "a lease that many share is extended for each by itself",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, key, lease, one, other, token } = bench
      const short = token()
      yield* acquired("a reader", yield* one.tryAcquire(portion(key, short, lease)))
      const tokens = Array.from({ length: 4 }, token)
      for (const token of tokens) yield* acquired("a reader", yield* one.tryAcquire(portion(key, token, 60_000)))
      const holdings = tokens.map((token) => claim(key, token, 120_000))
      const answers = one.extendAll === undefined
        ? yield* Effect.forEach(holdings, one.extend)
        : yield* one.extendAll(holdings)
      yield* same("the extensions", answers.join(), "true,true,true,true")
      yield* elapse(lease * 1.2)
      yield* same("the extension of what has ended", yield* one.extend(claim(key, short, lease)), false)
      yield* same("the holders", yield* permitsOf(other, key), "1,1,1,1")
      const holders = yield* holdersOf(other, key)
      yield* that("each has more time", holders.every(({ remainingMillis = Infinity }) => remainingMillis > 60_000))
      yield* held("somebody alone", yield* other.tryAcquire(claim(key, token(), lease)))
    })
  },
  {
    name: "who shares does not pass who waits, and who leaves the queue lets in those behind",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, eventually, key, one, other, process, slack } = bench
      const [here, there] = [yield* process(one), yield* process(other)]
      let [reading, wrote] = [0, false]
      const read = Effect.andThen(Effect.sync(() => reading++), Effect.never)
      yield* Effect.forkChild(here(Lock.withSharedLock(read, key)), immediately)
      yield* eventually("a reader reads", 2_000 + slack, Effect.sync(() => reading === 1))
      const writer = yield* Effect.forkChild(
        there(Lock.withLock(Effect.sync(() => wrote = true), key, { timeout: "Infinity" })),
        immediately
      )
      yield* elapse(300)
      yield* queued(bench, 1)
      const behind = yield* Effect.forkChild(here(Lock.withSharedLock(read, key, { timeout: "Infinity" })), immediately)
      yield* elapse(300)
      // A store without a queue has no order to keep; but every store that shares has one.
      yield* same("readers beside the first", reading, 1)
      writer.interruptUnsafe()
      yield* end("the writer leaves", 2_000 + slack, writer)
      yield* eventually("the reader behind it reads", 5_000 + slack, Effect.sync(() => reading === 2))
      yield* that("the writer did not write", !wrote)
      behind.interruptUnsafe()
      yield* end("the reader leaves", 2_000 + slack, behind)
    })
  },
  {
    name: "a heavy claim is not passed by light ones, and one release lets in as many as fit",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, end, eventually, key, one, other, process, slack } = bench
      const processes = [yield* process(one), yield* process(other)]
      let [out, most] = [0, 0]
      const order: Array<number> = []
      const work = (permits: number, millis: number) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            order.push(permits)
            most = Math.max(most, out += permits)
          }),
          () => Effect.sleep(millis),
          () => Effect.sync(() => void (out -= permits))
        )
      /** Until so many are seen to wait, where the store says how many do: a busy machine takes its time. */
      const start = (i: number, permits: number, millis: number, waiting: number) =>
        Effect.forkChild(
          processes[i % 2](
            Lock.withPermits(work(permits, millis), key, { limit: 4, permits, timeout: "Infinity" })
          ),
          immediately
        ).pipe(Effect.tap(() => Effect.andThen(elapse(150), queued(bench, waiting))))
      const first = yield* start(0, 2, 900, 0)
      yield* eventually("the first is in", 5_000 + slack, Effect.sync(() => order.length === 1))
      const fibers = [
        first,
        yield* start(1, 4, 50, 1),
        yield* start(0, 1, 50, 2),
        // Behind the other one of its process, which asks for both.
        yield* start(1, 1, 50, 2)
      ]
      for (const fiber of fibers) {
        yield* same("how it ends", reasonOf(yield* end("the work", 10_000 + slack, fiber)), "Success")
      }
      yield* same("the order", order.join(), "2,4,1,1")
      yield* that(`${most} permits of 4 are out`, most <= 4)
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  },
  {
    name: "readers and writers of two processes keep each other out, and leave nothing",
    run: Effect.fnUntraced(function*(bench) {
      const { end, key, one, other, process, slack } = bench
      const processes = [yield* process(one), yield* process(other)]
      const inside = { readers: 0, writers: 0 }
      const faults: Array<string> = []
      const enter = (kind: "readers" | "writers") =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            inside[kind]++
            if (inside.writers > 1 || (inside.writers > 0 && inside.readers > 0)) faults.push(JSON.stringify(inside))
          }),
          () => Effect.sleep(3),
          () => Effect.sync(() => void inside[kind]--)
        )
      const fibers = yield* Effect.forEach(Array.from({ length: 40 }, (_, i) => i), (i) =>
        Effect.forkChild(
          processes[i % 2](
            i % 5 === 3
              ? Lock.withLock(enter("writers"), key, { timeout: "Infinity" })
              : Lock.withSharedLock(enter("readers"), key, { timeout: "Infinity" })
          ),
          immediately
        ))
      for (const fiber of fibers) {
        yield* same("how it ends", reasonOf(yield* end("the work", 20_000 + slack, fiber)), "Success")
      }
      yield* same("who was inside together", faults.join(), "")
      yield* same("the key is free", yield* isFree(one, key), true)
    })
  }
] satisfies ReadonlyArray<Case>).map(({ name, run }) => ({ name, run: ifShares(run) }))
