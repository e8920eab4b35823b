/** What programs do with locks, beyond what a store must: between two backends, as of two processes or tabs. */
import { Duration, Effect, Fiber, Option, Result, Schedule, type Scope, Stream } from "effect"
import { Lock, LockBackend, type LockError } from "effect-lock"

type Backend = LockBackend.LockBackend["Service"]

interface Use {
  readonly name: string
  readonly run: Effect.Effect<void, unknown, Scope.Scope>
}

/** Runs in a browser, too, so it brings its own. */
const same = (what: string, actual: unknown, expected: unknown): void => {
  const [one, other] = [actual, expected].map((value) => JSON.stringify(value))
  if (one !== other) throw new Error(`${what}: ${one} instead of ${other}`)
}

const on = (backend: Backend) => Effect.provideService(LockBackend.LockBackend, backend)

/** The outcome of a call: its value, or the tag of the reason of its failure. */
const outcome = <A, R>(call: Effect.Effect<A, LockError.LockError, R>) =>
  Effect.map(Effect.result(call), (result) => Result.isSuccess(result) ? result.success : result.failure.reason._tag)

/** The test's own timeout is the limit. */
const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(condition, { schedule: Schedule.spaced("10 millis"), until: (is) => is })

const held = (key: string) => Effect.map(Lock.inspect(key), Option.isSome)

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })

const once = { timeout: 0 } as const
/** The loss of a lease is noticed at its renewal, after a third. The rest is for a busy machine. */
const brief = "6 seconds"
const patient = { timeout: "Infinity", expires: "10 seconds" } as const

/** Each uses keys with its own name, so that they can run side by side. */
export const uses = (
  make: Effect.Effect<{ one: Backend; other: Backend }, unknown, Scope.Scope>
): ReadonlyArray<Use> => {
  const use = (
    name: string,
    run: (one: Backend, other: Backend, key: string) => Effect.Effect<void, unknown, Scope.Scope>
  ): Use => ({ name, run: Effect.flatMap(make, ({ one, other }) => run(one, other, name)) })

  return [
    use(
      "who shares a key and asks for it alone is refused at once, however patient, and keeps its share",
      (one, other, key) =>
        Effect.gen(function*() {
          const inner = outcome(Lock.withLock(Effect.succeed("alone"), key, patient))
          const work = Effect.all([inner, Effect.map(on(other)(Lock.holders(key)), (all) => all.length)])
          const shared = yield* on(one)(Lock.withSharedLock(work, key, patient))
          same("a reader", shared, ["LockReentered", 1])
          const permitted = yield* on(one)(Lock.withPermits(work, key, { ...patient, limit: 2 }))
          same("a permit", permitted, ["LockReentered", 1])
          same("afterwards", yield* on(other)(Lock.withLock(Effect.succeed("free"), key, once)), "free")
        })
    ),

    use(
      "several keys are had by one at a time, in whatever order they are named",
      (one, other, key) =>
        Effect.gen(function*() {
          const keys = ["a", "b", "c"].map((part) => `${key} ${part}`)
          let inside = 0
          let turns = 0
          const work = (leases: ReadonlyArray<Lock.Lease>) =>
            Effect.gen(function*() {
              same("at once", ++inside, 1)
              same("leases", leases.map((lease) => lease.key).toSorted(), keys)
              yield* Effect.sleep("2 millis")
              inside--
              turns++
            })
          const asking = (backend: Backend, order: ReadonlyArray<string>) =>
            Effect.repeat(on(backend)(Lock.withLocks(work, order, patient)), { times: 7 })
          yield* Effect.all([
            asking(one, keys),
            asking(other, keys.toReversed()),
            asking(other, [keys[1], keys[2], keys[0]])
          ], {
            concurrency: "unbounded"
          })
          same("turns", turns, 24)
          for (const key of keys) same(key, yield* on(one)(held(key)), false)
        })
    ),

    use(
      "several keys, one of which another has, are all free after the timeout",
      (one, other, key) =>
        Effect.gen(function*() {
          const keys = ["a", "b", "c"].map((part) => `${key} ${part}`)
          const work = Effect.gen(function*() {
            same(
              "outcome",
              yield* on(other)(outcome(Lock.withLocks(Effect.void, keys, { timeout: 50 }))),
              "LockTimeout"
            )
            // It has released what it held.
            for (const key of [keys[0], keys[2]]) yield* until(Effect.map(on(one)(held(key)), (is) => !is))
            same("the other's", yield* on(other)(held(keys[1])), true)
          })
          yield* on(one)(Lock.withLock(work, keys[1], patient))
        })
    ),

    use(
      "a lock that is left to another is had by who comes first, with a greater token",
      (one, other, key) =>
        Effect.gen(function*() {
          let before = 0
          const leaving = (lease: Lock.Lease) => {
            before = lease.fencingToken
            return Lock.detach(lease, { for: "1 minute" })
          }
          const ticket = yield* on(one)(Lock.withLock(leaving, key, patient))
          same("meanwhile", yield* on(one)(outcome(Lock.withLock(Effect.void, key, once))), "LockTimeout")
          const work = Effect.gen(function*() {
            const lease = yield* Lock.adopt(ticket)
            same("greater", lease.fencingToken > before, true)
            same("again", yield* on(one)(Effect.scoped(outcome(Effect.asVoid(Lock.adopt(ticket))))), "LockLost")
            return yield* Lock.guard(lease)(Effect.succeed("done"))
          })
          same("work", yield* on(other)(Effect.scoped(work)), "done")
          same("afterwards", yield* on(one)(Lock.withLock(Effect.succeed("free"), key, once)), "free")
        })
    ),

    use(
      "a key that is to stay taken is so for others, too, after the work",
      (one, other, key) =>
        Effect.gen(function*() {
          same(
            "work",
            yield* on(one)(Lock.withLock(Effect.succeed("done"), key, { ...patient, atLeast: "1 minute" })),
            "done"
          )
          same("another", yield* on(other)(outcome(Lock.withLock(Effect.void, key, once))), "LockTimeout")
          same("itself", yield* on(one)(outcome(Lock.withLock(Effect.void, key, once))), "LockTimeout")
          const [holder] = yield* on(other)(Lock.holders(key))
          same("for", holder.remaining !== undefined && Duration.toMillis(holder.remaining) > 30_000, true)
        })
    ),

    use("whoever watches a key sees it taken and free, whoever takes it", (one, other, key) =>
      Effect.gen(function*() {
        const seen: Array<string | undefined> = []
        yield* start(
          on(other)(Stream.runForEach(
            Lock.changes(key),
            (holder) => Effect.sync(() => seen.push(Option.getOrUndefined(holder)?.token))
          ))
        )
        const sees = (count: number) => until(Effect.sync(() => seen.length >= count))
        yield* sees(1)
        const tokens: Array<string> = []
        for (const backend of [one, other, one]) {
          const work = Effect.gen(function*() {
            const [{ token }] = yield* Lock.holders(key)
            yield* sees(2 * tokens.push(token))
          })
          yield* on(backend)(Lock.withLock(work, key, patient))
          yield* sees(2 * tokens.length + 1)
        }
        same("holders", seen, [undefined, tokens[0], undefined, tokens[1], undefined, tokens[2], undefined])
      })),

    use(
      "all who share a key are seen, and each can be taken away by its token, which the others do not feel",
      (one, other, key) =>
        Effect.gen(function*() {
          const two = { timeout: "Infinity", expires: brief, limit: 5, permits: 2 } as const
          const work = Effect.as(Effect.never, "never")
          const first = yield* start(on(one)(outcome(Lock.withPermits(work, key, two))))
          const second = yield* start(on(other)(outcome(Lock.withPermits(work, key, { ...two, permits: 3 }))))
          yield* until(Effect.map(on(one)(Lock.holders(key)), (all) => all.length === 2))
          const all = yield* on(other)(Lock.holders(key))
          same("permits", all.map(({ permits }) => permits).toSorted(), [2, 3])
          const { token } = all.find(({ permits }) => permits === 2)!
          same("nobody's token", yield* on(other)(Lock.forceRelease(key, { token: "1-nobody" })), false)
          same("nobody less", (yield* on(one)(Lock.holders(key))).length, 2)
          same("its token", yield* on(other)(Lock.forceRelease(key, { token })), true)
          same("told", yield* Fiber.join(first), "LockLost")
          // Its own lease is renewed as before.
          let left = Infinity
          yield* until(Effect.map(on(one)(Lock.holders(key)), (all) => {
            same("the other", all.map(({ permits }) => permits), [3])
            const before = left
            left = Duration.toMillis(all[0].remaining!)
            return left > before
          }))
          same("runs on", second.pollUnsafe() === undefined, true)
          same("once", yield* on(other)(Lock.forceRelease(key, { token })), false)
          yield* Fiber.interrupt(second)
          same("afterwards", yield* on(one)(Lock.withLock(Effect.succeed("free"), key, once)), "free")
        })
    ),

    use("who has a key alone is taken away by its token alone", (one, other, key) =>
      Effect.gen(function*() {
        const holding = yield* start(on(one)(outcome(Lock.withLock(Effect.never, key, { expires: brief }))))
        yield* until(on(other)(held(key)))
        const [{ token }] = yield* on(other)(Lock.holders(key))
        same("another token", yield* on(other)(Lock.forceRelease(key, { token: `${token}x` })), false)
        same("kept", yield* on(other)(held(key)), true)
        same("its token", yield* on(other)(Lock.forceRelease(key, { token })), true)
        same("told", yield* Fiber.join(holding), "LockLost")
      }))
  ]
}
