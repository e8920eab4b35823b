import { type Duration, Effect, type Option, Schedule, type Scope, type Stream } from "effect"
import { type Lease, Lock, type LockBackend, type LockError, type LockEvent } from "effect-lock"
import { typeOf } from "./same.ts"

declare const work: Effect.Effect<"done", "own", "service">
declare const withLease: (lease: Lease.Lease) => typeof work

type Needed = "service" | LockBackend.LockBackend
type Failures = "own" | LockError.LockError
type Locked = Effect.Effect<"done", Failures, Needed>
type Maybe = Effect.Effect<Option.Option<"done">, Failures, Needed>
type Either = Effect.Effect<"done" | Option.Option<"done">, Failures, Needed>

// withLock keeps the result and adds the lock's error and the backend, both ways round.
typeOf(Lock.withLock(work, "key")).is<Locked>()
typeOf(Lock.withLock(work, "key", { expires: "1 minute" })).is<Locked>()
typeOf(work.pipe(Lock.withLock("key"))).is<Locked>()
typeOf(work.pipe(Lock.withLock("key", { timeout: 0, renew: false, retry: Schedule.spaced("1 second") }))).is<Locked>()
typeOf(Lock.withLock(withLease, "key")).is<Locked>()
typeOf(Lock.withLock("key")(withLease)).is<Locked>()
typeOf(
  Lock.withLock("key")((lease) => {
    typeOf(lease).is<Lock.Lease>()
    return work
  })
).is<Locked>()
// @ts-expect-error: no key
Lock.withLock(work)
// @ts-expect-error: a key is text
work.pipe(Lock.withLock(1))
// @ts-expect-error: not a duration
work.pipe(Lock.withLock("key", { expires: "soon" }))
// @ts-expect-error: not an option
work.pipe(Lock.withLock("key", { ttl: 1 }))
// @ts-expect-error: not an option of withLock
work.pipe(Lock.withLock("key", { failIfLocked: true }))
// @ts-expect-error: not work
Lock.withLock("done", "key")

// once gives an Option, unless a taken lock is a failure.
typeOf(Lock.once(work, "key")).is<Maybe>()
typeOf(Lock.once(work, "key", { expires: 1000 })).is<Maybe>()
typeOf(Lock.once(work, "key", { failIfLocked: false })).is<Maybe>()
typeOf(work.pipe(Lock.once("key"))).is<Maybe>()
typeOf(Lock.once("key", { timeout: "1 second" })(withLease)).is<Maybe>()
typeOf(Lock.once(work, "key", { failIfLocked: true })).is<Locked>()
typeOf(work.pipe(Lock.once("key", { failIfLocked: true }))).is<Locked>()
// What is not known when it is written gives either.
typeOf(Lock.once(work, "key", { failIfLocked: Math.random() < 0.5 })).is<Either>()
declare const onceOptions: Lock.OnceOptions
typeOf(work.pipe(Lock.once("key", onceOptions))).is<Either>()

// acquire and tryAcquire need a scope.
typeOf(Lock.acquire("key", { timeout: "1 second" })).is<
  Effect.Effect<Lease.Lease, LockError.LockError, LockBackend.LockBackend | Scope.Scope>
>()
typeOf(Lock.tryAcquire("key")).is<
  Effect.Effect<Option.Option<Lease.Lease>, LockError.LockError, LockBackend.LockBackend | Scope.Scope>
>()
typeOf(Effect.scoped(Lock.acquire("key"))).is<
  Effect.Effect<Lease.Lease, LockError.LockError, LockBackend.LockBackend>
>()
// @ts-expect-error: it never waits
Lock.tryAcquire("key", { timeout: "1 second" })

typeOf(Lock.forceRelease("key")).is<Effect.Effect<boolean, LockError.LockError, LockBackend.LockBackend>>()
typeOf(Lock.inspect("key")).is<
  Effect.Effect<Option.Option<LockError.Holder>, LockError.LockError, LockBackend.LockBackend>
>()

declare const lease: Lease.Lease
typeOf(lease.key).is<string>()
typeOf(lease.fencingToken).is<number>()
typeOf(lease.remaining).is<Effect.Effect<Duration.Duration>>()
typeOf(lease.extend()).is<Effect.Effect<void, LockError.LockError>>()
typeOf(lease.extend("1 minute")).is<Effect.Effect<void, LockError.LockError>>()
typeOf(lease.release).is<Effect.Effect<void>>()
typeOf(lease.lost).is<Effect.Effect<never, LockError.LockError>>()
// @ts-expect-error: for reading only
lease.fencingToken = 1

// A function's own arguments choose the key.
const send = Effect.fn("send")(
  function*(customer: number) {
    return yield* Effect.succeed(customer)
  },
  (effect, customer) => Lock.withLock(effect, `send-${customer}`)
)
typeOf(send).is<(customer: number) => Effect.Effect<number, LockError.LockError, LockBackend.LockBackend>>()

// Sharing a key, and several keys, change the effect as one lock does.
typeOf(Lock.withSharedLock(work, "key")).is<Locked>()
typeOf(work.pipe(Lock.withSharedLock("key", { timeout: 0 }))).is<Locked>()
typeOf(Lock.withPermits(work, "key", { limit: 2 })).is<Locked>()
typeOf(work.pipe(Lock.withPermits("key", { limit: 2, permits: 2 }))).is<Locked>()
// @ts-expect-error: no limit
Lock.withPermits(work, "key", { permits: 2 })
// @ts-expect-error: how it is shared is said by its name
Lock.withSharedLock(work, "key", { shared: true })
Lock.acquire("key", { share: { limit: 3 } })
Lock.tryAcquire("key", { share: true })
Lock.once(work, "key", { share: { limit: 3, permits: 2 } })
// @ts-expect-error: a mutex is no semaphore of one
Lock.withLock(work, "key", { share: { limit: 1 } })
typeOf(Lock.withLocks(work, ["a", "b"])).is<Locked>()
typeOf(work.pipe(Lock.withLocks(["a", "b"], { timeout: 0 }))).is<Locked>()
typeOf(Lock.holders("key")).is<
  Effect.Effect<ReadonlyArray<LockError.Holder>, LockError.LockError, LockBackend.LockBackend>
>()

// A lease that one has needs no backend.
typeOf(Lock.guard(work, lease)).is<Effect.Effect<"done", Failures, Exclude<Needed, LockBackend.LockBackend>>>()
typeOf(work.pipe(Lock.guard(lease))).is<Effect.Effect<"done", Failures, Exclude<Needed, LockBackend.LockBackend>>>()

// A lock changes hands.
declare const ticket: Lock.Ticket
typeOf(Lock.detach(lease, { for: "1 minute" })).is<Effect.Effect<Lock.Ticket, LockError.LockError>>()
typeOf(Lock.adopt(ticket, { expires: "1 minute" })).is<
  Effect.Effect<Lock.Lease, LockError.LockError, LockBackend.LockBackend | Scope.Scope>
>()
typeOf(new Lock.Ticket({ ...ticket }).goodFor).is<Duration.Duration>()
// @ts-expect-error: a ticket is not waited for
Lock.adopt(ticket, { retry: Schedule.spaced("1 second") })
// @ts-expect-error: no ticket
Lock.adopt("key")

// A key is watched.
typeOf(Lock.changes("key", { look: Schedule.spaced("1 second") })).is<
  Stream.Stream<Option.Option<LockError.Holder>, LockError.LockError, LockBackend.LockBackend>
>()
typeOf(Lock.awaitFree("key", { timeout: "1 second" })).is<
  Effect.Effect<void, LockError.LockError, LockBackend.LockBackend>
>()
// @ts-expect-error: a look is a schedule
Lock.changes("key", { look: "1 second" })

// A key stays taken for a while where there is work.
typeOf(Lock.once(work, "key", { atLeast: "1 minute" })).is<Maybe>()
// @ts-expect-error: a lease in a scope is the scope's
Lock.acquire("key", { atLeast: "1 minute" })
// list and events are streams that need a backend.
typeOf(Lock.list()).is<Stream.Stream<Lock.Held, LockError.LockError, LockBackend.LockBackend>>()
typeOf(Lock.list({ prefix: "order-" })).is<Stream.Stream<Lock.Held, LockError.LockError, LockBackend.LockBackend>>()
typeOf(Lock.events).is<Stream.Stream<LockEvent.LockEvent, never, LockBackend.LockBackend>>()
// @ts-expect-error: a prefix is text
Lock.list({ prefix: 1 })
