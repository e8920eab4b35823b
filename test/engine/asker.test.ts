import { assert, describe, it } from "@effect/vitest"
import type { Fiber } from "effect"
import { Effect, Schedule } from "effect"
import type { LockConfig, LockError, LockStore } from "effect-lock"
import { Asker, type Taken } from "../../src/internal/engine/asker.ts"
import { Claim } from "../../src/internal/engine/claim.ts"
import type { Line } from "../../src/internal/engine/line.ts"
import { failure, handKeys, request as requestOf, state } from "./parts.ts"

const acquired = { _tag: "Acquired", fencingToken: 7 } as const
const held = { _tag: "Held", token: "other" } as const

const make = (store: Partial<LockStore.LockStore> = {}) => {
  const all = handKeys({ retry: Schedule.spaced(100), ...store })
  const { keys, port, start } = all
  const request = (options?: Partial<LockConfig.LockRequest>) => requestOf({ timeoutMillis: 1_000, ...options })
  const make = (
    options: Partial<LockConfig.LockRequest> | undefined,
    how: (asker: Asker) => Effect.Effect<Taken, LockError.LockError>
  ) =>
    start((caller, restore): Effect.Effect<Taken, LockError.LockError> => {
      const line = keys.lines.occupy("key", keys.lines.find("key"))
      return how(new Asker(keys, line, request(options), caller, restore, port.alarms.at))
    })
  /** One with the turn. */
  const ask = (options?: Partial<LockConfig.LockRequest>, claim?: Claim) =>
    make(options, (asker) => asker.ask(port.alarms.at, claim))
  /** One behind others. */
  const queue = (options?: Partial<LockConfig.LockRequest>) => make(options, (asker) => asker.queue())
  const claim = (options?: Partial<LockConfig.LockRequest>) =>
    new Claim(port.port, keys.debts, `process.time.random.${options?.owner ?? "me"}`, request(options))
  const line = (): Line => keys.lines.get("key") ?? assert.fail("nobody has the line")
  /** Nobody is left, once what is out is answered. */
  const assertOver = Effect.gen(function*() {
    while (port.open.length > 0) yield* all.answer(true, port.open[0])
    assert.deepStrictEqual([keys.lines.size, keys.debts.size, port.alarms.size], [0, 0, 0])
  })
  return { ...all, ask, queue, claim, line, assertOver }
}

const reason = (fiber: Fiber.Fiber<Taken, LockError.LockError>): string => {
  const exit = fiber.pollUnsafe()
  return exit?._tag === "Failure" ? String(exit.cause) : "it has not failed"
}

describe("An asker", () => {
  it.effect("asks again as the schedule says, with one token, until it has the key", () =>
    Effect.gen(function*() {
      const { answer, ask, passTo, port, sent, told } = make()
      const fiber = yield* ask()
      yield* answer(held)
      yield* passTo(99)
      assert.strictEqual(port.asked.length, 1)
      yield* passTo(100)
      yield* answer(held)
      yield* passTo(200)
      yield* answer(acquired)
      assert.strictEqual(state(fiber), "#7")
      assert.deepStrictEqual(new Set(sent()), new Set(["acquire token.1.random.me"]))
      assert.deepStrictEqual([port.asked.length, told], [3, ["Waiting", "Acquired"]])
    }))

  it.effect("asks at the end of its time, and then no more", () =>
    Effect.gen(function*() {
      const { answer, ask, assertOver, passTo, port, told } = make()
      const fiber = yield* ask({ timeoutMillis: 150 })
      yield* answer(held)
      yield* passTo(100)
      yield* answer(held)
      yield* passTo(150)
      assert.deepStrictEqual([port.asked.length, state(fiber)], [3, "Running"])
      yield* answer(held)
      assert.deepStrictEqual([state(fiber), told], ["Refusal", ["Waiting", "TimedOut"]])
      yield* assertOver
    }))

  it.effect("has what an answer gives that comes after its time", () =>
    Effect.gen(function*() {
      const { answer, ask, passTo } = make()
      const fiber = yield* ask({ timeoutMillis: 10 })
      yield* passTo(500)
      yield* answer(acquired)
      assert.strictEqual(state(fiber), "#7")
    }))

  it.effect("goes on after a failure that may pass, and ends with one that will not", () =>
    Effect.gen(function*() {
      const { answer, ask, assertOver, passTo } = make()
      const fiber = yield* ask()
      yield* answer(failure({ operation: "acquire" }))
      yield* passTo(100)
      assert.strictEqual(state(fiber), "Running")
      yield* answer(failure({ operation: "acquire", kind: "Unauthorized", retryable: false }))
      assert.include(reason(fiber), "Unauthorized")
      // The first may have been executed.
      yield* assertOver
    }))

  it.effect("asks anew for what was over when it came, and says so when it is twice", () =>
    Effect.gen(function*() {
      const { answer, ask, passTo, port } = make()
      const fiber = yield* ask({ expiresMillis: 100, timeoutMillis: 150 })
      yield* passTo(95)
      yield* answer(acquired)
      assert.deepStrictEqual([port.asked.length, state(fiber)], [1, "Running"])
      yield* passTo(96)
      assert.strictEqual(port.asked.length, 2)
      yield* passTo(190)
      yield* answer(acquired)
      assert.include(reason(fiber), "after the lease had ended")
    }))

  it.effect("waits for an answer no longer than the store has patience, or the lease lasts", () =>
    Effect.gen(function*() {
      for (const [expiresMillis, until] of [[3_000, 1_000], [400, 400]]) {
        const { ask, assertOver, passTo } = make()
        const fiber = yield* ask({ timeoutMillis: 0, expiresMillis })
        yield* passTo(until - 1)
        assert.strictEqual(state(fiber), "Running")
        yield* passTo(until)
        assert.include(reason(fiber), "NoReply")
        yield* assertOver
      }
    }))

  it.effect("that is interrupted disowns its claim and passes the turn on", () =>
    Effect.gen(function*() {
      const { ask, goOn, queue, sent, told } = make()
      const [first, second] = [yield* ask(), yield* queue()]
      first.interruptUnsafe()
      yield* goOn
      assert.strictEqual(state(first), "Interrupt")
      assert.deepStrictEqual(sent(), [
        "acquire token.1.random.me",
        "release token.1.random.me",
        "acquire token.2.random.me"
      ])
      assert.deepStrictEqual([state(second), told], ["Running", ["Waiting"]])
    }))

  it.effect("that is interrupted in the line leaves it, and what it is given meanwhile goes on", () =>
    Effect.gen(function*() {
      const { ask, answer, goOn, line, queue, sent } = make()
      yield* ask()
      const [second, third, fourth] = [yield* queue(), yield* queue(), yield* queue()]
      second.interruptUnsafe()
      yield* goOn
      assert.strictEqual(line().waiting, 3)
      yield* answer(failure({ kind: "ReadOnly", retryable: false }))
      // It has the turn, and does not know yet.
      third.interruptUnsafe()
      yield* goOn
      assert.deepStrictEqual([second, third, fourth].map(state), ["Interrupt", "Interrupt", "Running"])
      assert.include(sent().at(-1)!, "acquire")
    }))

  it.effect("whose backend closes meanwhile gives nothing to its caller", () =>
    Effect.gen(function*() {
      const { answer, ask, keys, port } = make()
      const fiber = yield* ask()
      keys.closed = true
      yield* answer(acquired)
      assert.include(reason(fiber), "Closed")
      assert.strictEqual(port.last.operation, "release")
      assert.include(reason(yield* ask()), "Closed")
    }))

  it.effect("goes on with a claim that was made for it, and disowns one that is not what it wants", () =>
    Effect.gen(function*() {
      const { answer, ask, claim, port, sent } = make()
      const right = claim()
      right.ask(0)
      port.last.answer(acquired)
      assert.strictEqual(state(yield* ask(undefined, right)), "#7")
      assert.strictEqual(sent().length, 1)

      const wrong = claim({ owner: "somebody" })
      wrong.ask(0)
      port.last.answer(acquired)
      const fiber = yield* ask(undefined, wrong)
      assert.deepStrictEqual(sent().slice(1), [
        "acquire process.time.random.somebody",
        "release process.time.random.somebody",
        "acquire token.1.random.me"
      ])
      yield* answer({ ...acquired, fencingToken: 8 })
      assert.strictEqual(state(fiber), "#8")
    }))

  it.effect("asks who has the key together with the last attempt, where the store does not say so itself", () =>
    Effect.gen(function*() {
      const { answer, ask, passTo, port } = make()
      const fiber = yield* ask({ timeoutMillis: 50 })
      yield* answer({ _tag: "Held" })
      yield* passTo(50)
      assert.deepStrictEqual(port.open.map(({ operation }) => operation), ["inspect", "acquire"])
      yield* answer({ _tag: "Held" })
      assert.strictEqual(state(fiber), "Refusal")
    }))

  describe("that is told", () => {
    const listening = { listen: () => Effect.void }

    it.effect("listens once it has been refused, and then asks for a place in the queue", () =>
      Effect.gen(function*() {
        const { answer, ask, port, sent } = make(listening)
        yield* ask()
        yield* answer(held)
        assert.strictEqual(sent().at(-1), "listen token.1.random.me")
        yield* answer(true)
        assert.strictEqual(sent().at(-1), "acquire token.1.random.me")
        yield* answer(held)
        assert.strictEqual(port.open.length, 0)
      }))

    it.effect("asks at once when there is news", () =>
      Effect.gen(function*() {
        const { answer, ask, goOn, port } = make(listening)
        const fiber = yield* ask()
        for (const reply of [held, true, held]) yield* answer(reply)
        port.notify!(undefined)
        yield* goOn
        yield* answer(acquired)
        assert.deepStrictEqual([state(fiber), port.listeningEnded], ["#7", 1])
      }))

    it.effect("has what it is given, and asks where too little of that is left", () =>
      Effect.gen(function*() {
        for (const [leaseMillis, how] of [[3_000, "#9"], [12, "Running"]] as const) {
          const { answer, ask, goOn, passTo, port } = make(listening)
          const fiber = yield* ask()
          for (const reply of [held, true, held]) yield* answer(reply)
          yield* passTo(50)
          port.notify!({ fencingToken: 9, sinceMillis: 40, leaseMillis })
          yield* goOn
          assert.strictEqual(state(fiber), how)
          assert.strictEqual(port.open.length, how === "Running" ? 1 : 0)
        }
      }))

    it.effect("and is interrupted leaves its place", () =>
      Effect.gen(function*() {
        const { answer, ask, assertOver, goOn, passTo, port } = make(listening)
        const fiber = yield* ask()
        for (const reply of [held, true, held]) yield* answer(reply)
        yield* passTo(50)
        fiber.interruptUnsafe()
        yield* goOn
        assert.deepStrictEqual([port.last.operation, port.listeningEnded], ["release", 1])
        yield* assertOver
      }))
  })
})
