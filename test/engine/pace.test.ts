import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, identity, Schedule } from "effect"
import type { LockStore } from "effect-lock"
import { News } from "../../src/internal/engine/news.ts"
import { Pace } from "../../src/internal/engine/pace.ts"
import type { Time } from "../../src/internal/time.ts"
import { HandPort } from "./parts.ts"

type Retry = LockStore.LockStore["retry"]

interface Scene {
  readonly port: HandPort
  readonly pace: Pace
  readonly news: News
  readonly next: (endsAt?: number) => Effect.Effect<Fiber.Fiber<number | undefined>>
}

const make = (retry: Retry, store: Partial<LockStore.LockStore> = {}): Effect.Effect<Scene> =>
  Effect.sync(() => {
    const port = new HandPort()
    port.store = store
    const time = { wallMillis: () => port.alarms.at } as unknown as Time
    const pace = new Pace(port.port, time, retry, Fiber.getCurrent()!)
    const news = new News(port.port)
    const next = (endsAt = 60_000) =>
      Effect.forkDetach(Effect.suspend(() => pace.next("held", news, endsAt, identity)), { startImmediately: true })
    return { port, pace, news, next }
  })

const millis = (fiber: Fiber.Fiber<number | undefined>) => fiber.pollUnsafe()

/** A step that takes so many milliseconds. */
const slow = (port: () => HandPort, takes: number) =>
  Schedule.fromStepWithMetadata(Effect.succeed(() =>
    Effect.callback<[number, Duration.Duration]>((resume) => {
      const { alarms } = port()
      const alarm = { index: -1, ring: () => resume(Effect.succeed([0, Duration.millis(70)])) }
      alarms.set(alarm, alarms.now() + takes)
      return Effect.sync(() => alarms.cancel(alarm))
    })
  )) as Retry

describe("Pace", () => {
  it.effect("is that of the call, else of the store, until the schedule has ended", () =>
    Effect.gen(function*() {
      const own = Schedule.max([Schedule.spaced("30 millis"), Schedule.recurs(1)])
      for (
        const [retry, store] of [[own, { retry: Schedule.spaced("1 second") }], [undefined, { retry: own }]] as const
      ) {
        const { next } = yield* make(retry as Retry, store as Partial<LockStore.LockStore>)
        assert.deepStrictEqual(millis(yield* next()), Exit.succeed(30))
        assert.deepStrictEqual(millis(yield* next()), Exit.succeed(undefined))
      }
    }))

  it.effect("is polling where nobody says, soon and then more seldom", () =>
    Effect.gen(function*() {
      const { next } = yield* make(undefined)
      const delays: Array<number> = []
      for (let i = 0; i < 20; i++) {
        const exit = millis(yield* next())
        if (exit === undefined || Exit.isFailure(exit)) return assert.fail()
        delays.push(exit.value!)
      }
      assert.isBelow(delays[0], 13)
      assert.isTrue(delays.slice(-5).every((delay) => delay >= 200 && delay <= 300), `${delays}`)
    }))

  it.effect("waits for a step that takes time, and for no longer than there is", () =>
    Effect.gen(function*() {
      for (const [endsAt, at, delay] of [[60_000, 500, 70], [300, 300, 0]]) {
        const all: Scene = yield* make(slow(() => all.port, 500))
        const fiber = yield* all.next(endsAt)
        all.port.passTo(at - 1)
        yield* Effect.yieldNow
        assert.isUndefined(millis(fiber))
        all.port.passTo(at)
        yield* Effect.yieldNow
        assert.deepStrictEqual(millis(fiber), Exit.succeed(delay))
        yield* Effect.yieldNow
        assert.strictEqual(all.port.alarms.size, 0)
      }
    }))

  it.effect("has no step outlast news, or whoever waits for it", () =>
    Effect.gen(function*() {
      for (const end of ["news", "interrupted"] as const) {
        const all: Scene = yield* make(slow(() => all.port, 500))
        const fiber = yield* all.next()
        if (end === "news") all.news.tell(undefined)
        else fiber.interruptUnsafe()
        yield* Effect.repeat(Effect.yieldNow, { times: 3 })
        const exit = millis(fiber)
        if (end === "news") assert.deepStrictEqual(exit, Exit.succeed(0))
        else assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
        assert.strictEqual(all.port.alarms.size, 0)
      }
    }))

  it.effect("passes by itself for one who does not ask, with what is known at each step", () =>
    Effect.gen(function*() {
      const inputs: Array<unknown> = []
      const schedule = Schedule.tap(
        Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(2)]),
        ({ input }) => Effect.sync(() => void inputs.push(input))
      )
      const { pace, port } = yield* make(schedule as Retry)
      const fiber = pace.passing(() => port.alarms.at)
      for (const at of [100, 200]) {
        assert.isUndefined(fiber.pollUnsafe())
        port.passTo(at)
        yield* Effect.yieldNow
      }
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.void)
      assert.deepStrictEqual(inputs, [0, 100])
      const ended = pace.passing(() => 0)
      ended.interruptUnsafe()
      assert.strictEqual(port.alarms.size, 0)
    }))
})
