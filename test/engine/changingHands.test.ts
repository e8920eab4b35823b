/** Locks that go from one holder to another. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Option, Schema, Scope } from "effect"
import { InMemoryBackend, Lock, type LockError, type LockStore, OpenBackend } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import {
  assertClean,
  deaf,
  ending,
  exchanging,
  flush,
  handingOver,
  immediately,
  joined,
  makeProcess,
  outcome,
  type Process
} from "./support.ts"

type Store = LockStore.LockStore

const stores: Record<string, (store: Store) => Store> = {
  "in place": (store) => store,
  "by its operations": (store) => ({ ...store }),
  "that tells of no release": deaf,
  "that hands over": handingOver,
  "that exchanges": exchanging
}

const expires = { expires: "3 seconds" } as const

/** A ticket of a process that has the key no more. */
const detached = ({ run }: Process, options?: { readonly for?: Duration.Input }) =>
  run(Lock.withLock((lease) => Lock.detach(lease, options), "key", expires))

/** Takes a ticket on, in a scope of its own. */
const adopted = (process: Process, ticket: Lock.Ticket) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const lease = yield* process.run(Scope.provide(Lock.adopt(ticket), scope))
    return { lease, close: Scope.close(scope, Exit.void) }
  })

const why = <A>(exit: Exit.Exit<A, LockError.LockError>) => {
  if (Exit.isSuccess(exit)) return "had it"
  const reason = exit.cause.reasons[0]
  if (reason._tag !== "Fail") return reason._tag
  return reason.error.reason._tag === "LockLost" ? reason.error.reason.why : reason.error.reason._tag
}

for (const [form, change] of Object.entries(stores)) {
  describe(`a lock on a store ${form}`, () => {
    const scene = Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      return { inner, one: yield* makeProcess(change(inner)), other: yield* makeProcess(change(inner)) }
    })

    it.effect("is left behind and taken on, and free for nobody meanwhile", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* scene
        const waiting = yield* one.start(Lock.withLock(Effect.succeed("next"), "key"))
        yield* flush
        const ticket = yield* detached(one)
        yield* assertClean({ engine: one.engine, inner })
        for (const process of [one, other]) {
          assert.deepStrictEqual(yield* process.run(Lock.once(Effect.void, "key")), Option.none())
        }
        yield* TestClock.adjust("2 seconds")
        const { close, lease } = yield* adopted(other, ticket)
        assert.isAbove(lease.fencingToken, ticket.fencingToken)
        // It is renewed.
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(Duration.toMillis(yield* lease.remaining) > 0, true)
        const late = yield* one.start(Lock.withLock((lease) => Effect.succeed(lease.fencingToken), "key"))
        yield* flush
        assert.strictEqual(outcome(late), "Running")
        yield* close
        yield* TestClock.adjust("1 second")
        assert.isAbove(yield* joined(late), lease.fencingToken)
        assert.strictEqual(outcome(waiting), "Success")
        for (const { engine } of [one, other]) yield* assertClean({ inner, engine }, "key")
      }))

    it.effect("is taken on once, in time, and not after it was taken away", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* scene
        const first = yield* detached(one)
        const { close } = yield* adopted(other, first)
        for (const process of [one, other]) {
          assert.strictEqual(why(yield* Effect.exit(adopted(process, first))), "Taken")
        }
        yield* close
        assert.strictEqual(why(yield* Effect.exit(adopted(one, first))), "Expired")
        const second = yield* detached(one)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(why(yield* Effect.exit(adopted(other, second))), "Expired")
        const third = yield* detached(one, { for: "1 minute" })
        assert.strictEqual(Duration.toSeconds(third.goodFor), 60)
        yield* TestClock.adjust("59 seconds")
        const { close: end } = yield* adopted(one, third)
        yield* end
        const fourth = yield* detached(one)
        assert.isTrue(yield* other.run(Lock.forceRelease("key")))
        assert.strictEqual(why(yield* Effect.exit(adopted(other, fourth))), "Expired")
        for (const { engine } of [one, other]) yield* assertClean({ inner, engine }, "key")
      }))

    it.effect("of a scope is left at its end, and who waits in the process goes on waiting", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* scene
        const scope = yield* Scope.make()
        const lease = yield* one.run(Scope.provide(Lock.acquire("key", expires), scope))
        const guarded = yield* one.start(Lock.guard(lease)(Effect.never))
        const waiting = yield* one.start(Lock.withLock(Effect.void, "key"))
        yield* flush
        const ticket = yield* one.run(Lock.detach(lease))
        yield* flush
        assert.strictEqual(why(guarded.pollUnsafe()!), "Released")
        assert.strictEqual(why(yield* Effect.exit(Lock.detach(lease))), "Released")
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(outcome(waiting), "Running")
        const { close } = yield* adopted(other, ticket)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(outcome(waiting), "Running")
        yield* close
        yield* TestClock.adjust("1 second")
        assert.strictEqual(outcome(waiting), "Success")
        for (const { engine } of [one, other]) yield* assertClean({ inner, engine }, "key")
      }))
  })
}

describe("a lock that changes hands", () => {
  const scene = (change: (store: Store) => Store = (store) => store) =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const test = yield* TestBackend.make(inner)
      return { test, inner, ...(yield* makeProcess(change(test.store))) }
    })

  const held = (process: Process, options: Lock.Ticket | object = expires) =>
    process.run(Effect.flatMap(Scope.make(), (scope) => Scope.provide(Lock.acquire("key", options), scope)))

  it.effect("tells its ticket's way", () =>
    Effect.gen(function*() {
      const ticket = yield* detached(yield* scene())
      const json = Schema.fromJsonString(Lock.Ticket)
      assert.deepStrictEqual(yield* Schema.decodeEffect(json)(yield* Schema.encodeEffect(json)(ticket)), ticket)
    }))

  it.effect("is forgotten by its store as soon as it is left behind, and then only", () =>
    Effect.gen(function*() {
      const forgotten: Array<string> = []
      const { engine, inner, run, test } = yield* scene((store) => ({
        ...store,
        forget: (key, token) => forgotten.push(`${key} ${token}`)
      }))
      yield* run(Lock.withLock(Effect.void, "key", expires))
      yield* test.loseReply("extend", { times: 1 })
      const failing = yield* Effect.forkChild(Effect.exit(detached({ engine, run } as Process)), immediately)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(why(yield* joined(failing)), "BackendFailure")
      assert.deepStrictEqual(forgotten, [])
      yield* TestClock.adjust("1 minute")
      const { key, token } = yield* detached({ engine, run } as Process)
      assert.deepStrictEqual(forgotten, [`${key} ${token}`])
      yield* assertClean({ engine, inner })
    }))

  it.effect("is lost by its holder, as ever, after it was taken on", () =>
    Effect.gen(function*() {
      const process = yield* scene()
      const { lease } = yield* adopted(process, yield* detached(process))
      const fiber = yield* process.start(Lock.guard(lease)(Effect.never))
      yield* process.test.steal("key")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(why(fiber.pollUnsafe()!), "Taken")
    }))

  it.effect("is its holder's as before when it cannot be left behind", () =>
    Effect.gen(function*() {
      const process = yield* scene()
      const lease = yield* held(process)
      yield* process.test.loseReply("extend", { times: 1 })
      const detaching = yield* process.start(Lock.detach(lease))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(outcome(detaching), "BackendFailure")
      const interrupted = yield* process.start(Lock.detach(lease))
      yield* Effect.forkDetach(Fiber.interrupt(interrupted), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isAbove(Duration.toMillis(yield* lease.remaining), 0)
      yield* process.test.drop("key")
      assert.strictEqual(why(yield* Effect.exit(process.run(Lock.detach(lease)))), "Taken")
    }))

  it.effect("is not left behind while a renewal of it may still be executed", () =>
    Effect.gen(function*() {
      const process = yield* scene()
      const lease = yield* held(process)
      yield* process.test.delayRequest("extend", 400, { times: 1 })
      yield* TestClock.adjust(1_100)
      const detaching = yield* process.start(Lock.detach(lease, { for: "1 minute" }))
      yield* flush
      assert.strictEqual(outcome(detaching), "Running")
      yield* TestClock.adjust(400)
      const ticket = yield* joined(detaching)
      yield* TestClock.adjust("30 seconds")
      const { close } = yield* adopted(process, ticket)
      yield* close
      yield* assertClean(process, "key")
    }))

  it.effect("is taken on by who asks again when the reply is lost", () =>
    Effect.gen(function*() {
      const process = yield* scene()
      const ticket = yield* detached(process, { for: "1 minute" })
      const { transfer } = process.inner
      let calls = 0
      const deafOnce: Store = {
        ...process.inner,
        transfer: (from, claim) =>
          ++calls === 1 ? Effect.andThen(transfer!(from, claim), Effect.never) : transfer!(from, claim)
      }
      const other = yield* makeProcess(deafOnce)
      const taking = yield* other.start(adopted(other, ticket))
      yield* TestClock.adjust("2 seconds")
      const { close } = yield* joined(taking)
      assert.strictEqual(calls, 2)
      yield* close
      yield* TestClock.adjust("45 seconds")
      yield* assertClean({ inner: process.inner, engine: other.engine }, "key")
    }))

  it.effect("is freed when nobody is there any more who took it on", () =>
    Effect.gen(function*() {
      const process = yield* scene()
      const ticket = yield* detached(process, { for: "1 hour" })
      const { transfer } = process.inner
      const silent: Store = {
        ...process.inner,
        transfer: (from, claim) => Effect.andThen(transfer!(from, claim), Effect.never)
      }
      const other = yield* makeProcess(silent)
      const taking = yield* other.start(adopted(other, ticket))
      yield* TestClock.adjust(500)
      yield* Effect.forkDetach(Fiber.interrupt(taking), { startImmediately: true })
      yield* TestClock.adjust("45 seconds")
      yield* assertClean({ inner: process.inner, engine: other.engine }, "key")
    }))

  it.effect("needs a store that can, a lease that has its key alone, and options that make sense", () =>
    Effect.gen(function*() {
      const process = yield* scene((store) => ({ ...store, transfer: undefined }))
      const lease = yield* held(process)
      assert.strictEqual(ending(yield* Effect.exit(Lock.detach(lease, { for: -1 }))), "InvalidOptions")
      assert.strictEqual(ending(yield* Effect.exit(Lock.detach({ ...lease }))), "InvalidOptions")
      assert.strictEqual(ending(yield* Effect.exit(Lock.detach(lease))), "BackendFailure")
      assert.isAbove(Duration.toMillis(yield* lease.remaining), 0)
      const sharing = yield* scene()
      const shared = yield* held(sharing, { share: true })
      assert.strictEqual(ending(yield* Effect.exit(Lock.detach(shared))), "InvalidOptions")
      const ticket = yield* detached(yield* scene())
      assert.strictEqual(ending(yield* Effect.exit(adopted(process, ticket))), "BackendFailure")
    }))

  it.effect("on an open backend is anybody's", () =>
    Effect.gen(function*() {
      const ticket = yield* Lock.withLock((lease) => Lock.detach(lease), "key")
      assert.strictEqual((yield* Lock.adopt(ticket)).key, "key")
    }).pipe(Effect.scoped, Effect.provide(OpenBackend.layer)))
})
