import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, type Fiber, Logger, Metric, Option, type Scope } from "effect"
import { InMemoryBackend, LockError, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import type { Alarms } from "../../src/internal/engine/alarms.ts"
import type { Call, Reply } from "../../src/internal/engine/call.ts"
import { Journal } from "../../src/internal/engine/journal.ts"
import { Port } from "../../src/internal/engine/port.ts"
import { horizonMillis } from "../../src/internal/engine/unheard.ts"
import { meterOf } from "../../src/internal/meter.ts"
import { withShortcuts } from "../../src/internal/shortcuts.ts"
import { failure, HandAlarms, Turns } from "./parts.ts"

type Answer = Deferred.Deferred<unknown, LockError.BackendFailure>

const journal = () => new Journal(meterOf("fake", Context.make(Metric.MetricRegistry, new Map())))

const turns = Effect.repeat(Effect.yieldNow, { times: 3 })

const make = (changes: Partial<LockStore.LockStore> = {}) =>
  Effect.sync(() => {
    const alarms = new HandAlarms()
    const soon = new Turns()
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(Array.isArray(message) ? message[0] : message)))
    const answers: Array<Answer> = []
    let interrupted = 0
    const asked = () =>
      Effect.suspend(() => {
        const answer: Answer = Deferred.makeUnsafe()
        answers.push(answer)
        return Effect.onInterrupt(Deferred.await(answer), () => Effect.sync(() => interrupted++))
      }) as Effect.Effect<never, LockError.BackendFailure>
    const store: LockStore.LockStore = {
      name: "fake",
      tryAcquire: asked,
      extend: asked,
      release: asked,
      inspect: asked,
      ...changes
    }
    const context = Context.make(Logger.CurrentLoggers, new Set([logger])) as unknown as Context.Context<never>
    const port = new Port(store, context, alarms as unknown as Alarms, soon.soon, journal())
    const passTo = (at: number) => {
      for (let next = alarms.at + 1; next <= at; next++) {
        alarms.passTo(next)
        soon.all()
      }
    }
    const answer = (index: number, effect: Effect.Effect<unknown, LockError.BackendFailure>) =>
      Effect.andThen(Deferred.completeWith(answers[index], effect), turns)
    return { port, alarms, soon, lines, answers, answer, passTo, interrupted: () => interrupted }
  })

const replyOf = (call: Call<unknown>): string => {
  const reply = call.reply as Reply<unknown>
  if (reply === undefined) return "none"
  return reply instanceof LockError.BackendFailure ? `${reply.operation} ${reply.kind}` : JSON.stringify(reply)
}

describe("Port", () => {
  it.effect("starts each operation once, knows it while it is out, and gives its answer", () =>
    Effect.gen(function*() {
      const { answer, answers, port } = yield* make()
      const call = port.release("key", "token")
      assert.deepStrictEqual([answers.length, port.size, replyOf(call)], [1, 1, "none"])
      yield* answer(0, Effect.succeed(true))
      assert.deepStrictEqual([answers.length, port.size, replyOf(call)], [1, 0, "true"])
    }))

  it.effect("passes on a failure of the store as it is, and makes one of all else", () =>
    Effect.gen(function*() {
      const { answer, port } = yield* make()
      const own = failure({ kind: "Loading" })
      const outcomes: ReadonlyArray<readonly [Effect.Effect<unknown, LockError.BackendFailure>, string]> = [
        [Effect.fail(own), "release Loading"],
        [Effect.die(new Error("bug")), "release Unknown"],
        [Effect.interrupt, "release Unknown"],
        [Effect.fail("typed" as never), "release Unknown"],
        [Effect.succeed("OK"), "release Unknown"]
      ]
      for (const [i, [effect, expected]] of outcomes.entries()) {
        const call = port.release("key", "token")
        yield* answer(i, effect)
        assert.strictEqual(replyOf(call), expected)
      }
      assert.strictEqual(port.size, 0)
    }))

  it.effect("is no store's caller: one that throws is one that fails", () =>
    Effect.gen(function*() {
      const thrown = () => {
        throw new Error("thrown")
      }
      const { port } = yield* make({ tryAcquire: thrown, extendAll: thrown, exchange: thrown, listen: thrown })
      const claim = { key: "key", token: "token", expiresMillis: 1, wait: false }
      const calls = [
        port.tryAcquire(claim),
        port.extendAll([claim, claim]),
        port.exchange("token", claim),
        port.listen("key", "token", () => {}).call
      ]
      yield* turns
      assert.deepStrictEqual(calls.map(replyOf), [
        "acquire Unknown",
        "extend Unknown",
        "release Unknown",
        "listen Unknown"
      ])
    }))

  it.effect("hears who calls back once, at once, later, or not at all because it threw", () =>
    Effect.gen(function*() {
      const settlings: Array<{ settle(exit: unknown): void }> = []
      let bad = false
      const inner = yield* InMemoryBackend.makeStore
      const store = withShortcuts({ ...inner }, {
        callbacks: {
          tryAcquire: (_claim, call) => void settlings.push(call as never),
          release: (_key, _token, call) => {
            if (bad) throw new Error("not connected")
            settlings.push(call as never)
          }
        }
      })
      const alarms = new HandAlarms()
      const port = new Port(store, Context.empty(), alarms as unknown as Alarms, new Turns().soon, journal())
      const call = port.release("key", "token")
      settlings[0].settle(yield* Effect.exit(Effect.succeed(false)))
      settlings[0].settle(yield* Effect.exit(Effect.succeed(true)))
      assert.strictEqual(replyOf(call), "false")
      bad = true
      assert.strictEqual(replyOf(port.release("key", "token")), "release Unknown")
      assert.strictEqual(port.size, 0)
    }))

  it.effect("hears of an exchange from who calls back, and of news where nothing has to be waited for", () =>
    Effect.gen(function*() {
      const settlings: Array<{ settle(exit: unknown): void }> = []
      const ended: Array<string> = []
      let isReady = false
      const inner = yield* InMemoryBackend.makeStore
      const listen = (key: string): Effect.Effect<void, never, Scope.Scope> =>
        Effect.acquireRelease(Effect.sleep(5), () => Effect.sync(() => void ended.push(`${key} in its scope`)))
      const store = withShortcuts({ ...inner, listen, exchange: () => Effect.die("asked by an effect") }, {
        callbacks: {
          tryAcquire: () => {},
          release: () => {},
          exchange: (_token, _claim, call) => void settlings.push(call as never),
          listen: (key) => isReady ? () => void ended.push(key) : undefined
        }
      })
      const alarms = new HandAlarms()
      const context = yield* Effect.context<never>()
      const port = new Port(store, context, alarms as unknown as Alarms, new Turns().soon, journal())
      const call = port.exchange("token", { key: "key", token: "next", expiresMillis: 1, wait: true })
      assert.strictEqual(call.reply, undefined)
      settlings[0].settle(Exit.succeed({ _tag: "Held" }))
      assert.deepStrictEqual(call.reply, { _tag: "Held" })
      const waited = port.listen("a", "token", () => {})
      assert.strictEqual(waited.call.reply, undefined)
      yield* TestClock.adjust(5)
      assert.strictEqual(waited.call.reply, true)
      isReady = true
      const ready = port.listen("b", "token", () => {})
      assert.strictEqual(ready.call.reply, true)
      ready.end()
      waited.end()
      yield* turns
      assert.deepStrictEqual(ended, ["b", "a in its scope"])
      assert.strictEqual(port.size, 0)
      port.close()
      assert.strictEqual(replyOf(port.listen("b", "token", () => {}).call), "listen Closed")
      assert.deepStrictEqual(ended, ["b", "a in its scope"])
    }))

  it.effect("tells an effect that waits in time, or that there was none", () =>
    Effect.gen(function*() {
      const { alarms, answer, passTo, port } = yield* make()
      const start = () => Effect.forkDetach(port.await(() => port.release("key", "token")), { startImmediately: true })
      const exitOf = (fiber: Fiber.Fiber<unknown, unknown>) => String(fiber.pollUnsafe())
      const answered = yield* start()
      yield* answer(0, Effect.succeed(true))
      assert.include(exitOf(answered), "Success(true)")
      const long = yield* start()
      passTo(999)
      yield* turns
      assert.isUndefined(long.pollUnsafe())
      passTo(1_000)
      yield* turns
      assert.include(exitOf(long), "NoReply")
      const left = yield* start()
      left.interruptUnsafe()
      yield* turns
      assert.isDefined(left.pollUnsafe())
      // What is out is swept later, by one alarm.
      assert.deepStrictEqual([alarms.size, port.size], [1, 2])
    }))

  it.effect("forgets what nobody waits for and nobody answers, and interrupts it", () =>
    Effect.gen(function*() {
      const { alarms, interrupted, passTo, port } = yield* make()
      const early = port.release("key", "a")
      early.leave()
      passTo(5_000)
      const late = port.release("key", "b")
      late.leave()
      const waited = port.release("key", "c")
      passTo(horizonMillis)
      yield* turns
      assert.deepStrictEqual([replyOf(early), replyOf(late), interrupted()], ["release NoReply", "none", 1])
      passTo(5_000 + horizonMillis)
      yield* turns
      assert.deepStrictEqual([replyOf(late), replyOf(waited), interrupted()], ["release NoReply", "none", 2])
      assert.deepStrictEqual([port.size, alarms.size], [1, 0])
    }))

  it.effect("needs no alarm for what is answered after nobody waited", () =>
    Effect.gen(function*() {
      const { alarms, answer, port } = yield* make()
      const call = port.release("key", "a")
      call.leave()
      call.leave()
      assert.strictEqual(alarms.size, 1)
      yield* answer(0, Effect.succeed(true))
      assert.deepStrictEqual([replyOf(call), alarms.size, port.size], ["true", 0, 0])
    }))

  describe("says of trouble", () => {
    const silent = (port: Port) => port.release("key", "token").wait(port.alarms.now() + 1_000, () => {})

    it.effect("one line, and one when it is over", () =>
      Effect.gen(function*() {
        const { answer, lines, port } = yield* make()
        for (let i = 0; i < 5; i++) {
          port.release("key", "token")
          yield* answer(i, Effect.fail(failure()))
        }
        assert.strictEqual(lines.length, 1)
        assert.match(lines[0], /^The fake lock backend is in trouble/)
        for (let i = 5; i < 8; i++) {
          port.release("key", "token")
          yield* answer(i, Effect.succeed(true))
        }
        assert.deepStrictEqual(lines.slice(1), ["The fake lock backend answers again, after 0.0 seconds"])
        port.release("key", "token")
        yield* answer(8, Effect.fail(failure()))
        assert.strictEqual(lines.length, 3)
      }))

    it.effect("that it is silent, when somebody has waited for it in vain", () =>
      Effect.gen(function*() {
        const { answer, lines, passTo, port } = yield* make()
        silent(port)
        passTo(999)
        yield* turns
        assert.deepStrictEqual(lines, [])
        passTo(1_000)
        silent(port)
        passTo(3_000)
        yield* turns
        assert.strictEqual(lines.length, 1)
        yield* answer(0, Effect.succeed(false))
        assert.strictEqual(lines.length, 1)
        yield* answer(1, Effect.succeed(false))
        assert.strictEqual(lines.length, 2)
      }))

    it.effect("once, though some are answered between others that are not", () =>
      Effect.gen(function*() {
        const { answer, lines, passTo, port } = yield* make()
        for (let i = 0; i < 10; i++) {
          silent(port)
          passTo(10 * i + 10)
        }
        // The store is behind by more than its patience.
        for (let i = 0; i < 8; i++) {
          passTo(1_005 + 10 * i)
          yield* answer(i, Effect.succeed(true))
        }
        yield* turns
        assert.strictEqual(lines.length, 1)
        // It has caught up with what was asked since, though not with what was lost.
        passTo(1_100)
        silent(port)
        yield* answer(10, Effect.succeed(true))
        assert.strictEqual(lines.length, 2)
        yield* answer(8, Effect.succeed(true))
        yield* answer(9, Effect.succeed(true))
        assert.strictEqual(lines.length, 2)
      }))

    it.effect("nothing for what will not pass by itself, nor when it closes or abandons", () =>
      Effect.gen(function*() {
        const { answer, lines, port } = yield* make()
        port.release("key", "token")
        yield* answer(0, Effect.fail(failure({ kind: "Unauthorized", retryable: false })))
        port.abandon(port.release("key", "token"))
        port.release("key", "token")
        port.close()
        yield* turns
        assert.deepStrictEqual(lines, [])
      }))
  })

  it.effect("that is closed sends nothing, and has ended what was out", () =>
    Effect.gen(function*() {
      const { alarms, answers, interrupted, port } = yield* make()
      const call = port.release("key", "token")
      call.leave()
      port.close()
      yield* turns
      assert.deepStrictEqual([replyOf(call), interrupted(), port.size, alarms.size], ["release NoReply", 1, 0, 0])
      assert.strictEqual(replyOf(port.inspect("key")), "inspect Closed")
      assert.strictEqual(answers.length, 1)
    }))

  it.effect("is idle when nothing is out and what came of it is dealt with, or when its time is over", () =>
    Effect.gen(function*() {
      const { alarms, answer, passTo, port, soon } = yield* make()
      const idle = (end: number) => Effect.forkDetach(port.idle(end), { startImmediately: true })
      assert.isDefined((yield* idle(1_000)).pollUnsafe())
      port.release("key", "a").onReply(() => port.release("key", "b"))
      const waiting = yield* idle(1_000)
      yield* answer(0, Effect.succeed(true))
      soon.all()
      yield* turns
      // What was answered has led to something else.
      assert.isUndefined(waiting.pollUnsafe())
      yield* answer(1, Effect.succeed(true))
      soon.all()
      yield* turns
      assert.isDefined(waiting.pollUnsafe())
      assert.strictEqual(alarms.size, 0)
      port.release("key", "c")
      const inVain = yield* idle(1_000)
      passTo(1_000)
      yield* turns
      assert.isDefined(inVain.pollUnsafe())
    }))

  it.effect("passes on news, and grants that are some", () =>
    Effect.gen(function*() {
      let tell: (grant: LockStore.Grant | undefined) => void = () => {}
      let ended = 0
      const listen: LockStore.LockStore["listen"] = (_key, _token, notify) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            tell = notify
          }),
          () => Effect.sync(() => ended++)
        )
      const { port } = yield* make({ listen })
      const heard: Array<unknown> = []
      const listening = port.listen("key", "token", (grant) => heard.push(grant))
      assert.strictEqual(replyOf(listening.call), "true")
      const grant = { fencingToken: 1, sinceMillis: 0, leaseMillis: 1 }
      for (const said of [undefined, grant, {}, null, "x", { ...grant, leaseMillis: NaN }]) tell(said as never)
      assert.deepStrictEqual(heard, [undefined, grant])
      listening.end()
      yield* turns
      assert.strictEqual(ended, 1)
    }))

  it.effect("ends listening that is still being set up", () =>
    Effect.gen(function*() {
      let set = 0
      let ended = 0
      const { port } = yield* make({
        listen: () =>
          Effect.acquireRelease(
            Effect.andThen(Effect.yieldNow, Effect.sync(() => set++)),
            () => Effect.sync(() => ended++)
          ) as Effect.Effect<never, never, Scope.Scope>
      })
      port.listen("key", "token", () => {}).end()
      yield* Effect.repeat(turns, { times: 5 })
      assert.strictEqual(set, ended)
      assert.strictEqual(port.size, 0)
    }))

  it.effect("knows what its store can keep", () =>
    Effect.gen(function*() {
      const { port } = yield* make({ drift: 0.02 })
      assert.strictEqual(port.margin(10_000), 202)
      assert.isUndefined(port.invalidExpires(10, true))
      assert.strictEqual(port.invalidExpires(9, false)?.reason._tag, "InvalidOptions")
      const exact = yield* make({ drift: 0 })
      assert.strictEqual(exact.port.margin(10_000), 0)
      assert.isUndefined(exact.port.invalidExpires(1, false))
      assert.include(exact.port.invalidExpires(1, true)?.message, "when it is to be renewed")
    }))

  it.effect("shows a look only as what it is", () =>
    Effect.gen(function*() {
      const { answer, port } = yield* make()
      const call = port.inspect("key")
      yield* answer(0, Effect.succeedNone)
      assert.isTrue(Option.isNone(call.reply as Option.Option<unknown>))
    }))
})
