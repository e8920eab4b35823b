import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type Alarm, Alarms } from "../../src/internal/engine/alarms.ts"
import { timeOf } from "../../src/internal/time.ts"

const make = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  let sleepers = 0
  let started = 0
  const alarms = new Alarms(
    timeOf(clock),
    (effect) => {
      sleepers++
      started++
      const fiber = Effect.runForkWith(context)(effect)
      fiber.addObserver(() => sleepers--)
      return fiber
    },
    queueMicrotask
  )
  const ringAt = (at: number, ring: () => void): Alarm => {
    const alarm = { index: -1, ring }
    alarms.set(alarm, at)
    return alarm
  }
  return { alarms, ringAt, sleepers: () => sleepers, started: () => started }
})

const endOfTurn = Effect.promise(() => Promise.resolve())

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const commands = Schema.Array(Schema.Tuple([between(0, 3), between(0, 400), between(0, 1_000)]))

describe("Alarms", () => {
  it.effect.prop(
    "ring like a plain list of alarms would",
    { commands },
    ({ commands }) =>
      Effect.gen(function*() {
        const { alarms, ringAt, sleepers } = yield* make
        const start = alarms.now()
        const rung: Array<string> = []
        const expected: Array<string> = []
        const set: Array<{ readonly alarm: Alarm; readonly id: number; readonly at: number; live: boolean }> = []
        let at = start
        for (const [kind, amount, which] of commands) {
          if (kind < 2) {
            const id = set.length
            const due = at + amount
            const alarm = ringAt(due, () => rung.push(`${alarms.now() - start}:${due - start}`))
            set.push({ alarm, id, at: due, live: true })
          } else if (kind === 2 && set.length > 0) {
            const chosen = set[which % set.length]
            alarms.cancel(chosen.alarm)
            alarms.cancel(chosen.alarm)
            chosen.live = false
          } else {
            const until = at + amount
            yield* TestClock.adjust(amount)
            const due = set.filter((one) => one.live && one.at <= until).toSorted((a, b) => a.at - b.at)
            for (const one of due) {
              one.live = false
              // One that was due when it was set rings a millisecond later.
              expected.push(`${Math.max(one.at, at) - start}:${one.at - start}`)
            }
            at = until
          }
          assert.isAtMost(sleepers(), 1)
          yield* endOfTurn
          if (alarms.size === 0) assert.strictEqual(sleepers(), 0)
        }
        yield* TestClock.adjust(2_000)
        const live = set.filter((one) => one.live)
        const times = (all: ReadonlyArray<string>) =>
          all.map((one) => Number(one.split(":")[1])).toSorted((a, b) => a - b)
        assert.deepStrictEqual(
          times(rung),
          [...times(expected), ...live.map((one) => one.at - start)].toSorted((a, b) => a - b)
        )
        for (const one of rung) {
          const [when, due] = one.split(":").map(Number)
          assert.isAtLeast(when, due)
        }
        assert.deepStrictEqual([alarms.size, sleepers()], [0, 0])
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect("ring in order of time, exactly on time, once", () =>
    Effect.gen(function*() {
      const { alarms, ringAt } = yield* make
      const rung: Array<string> = []
      for (const at of [30, 10, 20, 10]) ringAt(at, () => rung.push(`${at}@${alarms.now()}`))
      yield* TestClock.adjust(9)
      assert.deepStrictEqual(rung, [])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(rung, ["10@10", "10@10", "20@20", "30@30"])
    }))

  it.effect("ring in time when most of many have been cancelled, and go on from there", () =>
    Effect.gen(function*() {
      const { alarms, ringAt, sleepers } = yield* make
      const rung: Array<number> = []
      for (const round of [0, 1]) {
        const start = alarms.now()
        const set = Array.from({ length: 400 }, (_, i) => {
          const at = 100 + (i * 37) % 400
          return { at, alarm: ringAt(start + at, () => rung.push(alarms.now() - start)) }
        })
        // The first half goes as it came, the rest here and there.
        const kept = set.filter(({ alarm }, i) => {
          const isKept = i >= 200 && i % 5 === 0
          if (!isKept) alarms.cancel(alarm)
          return isKept
        })
        assert.strictEqual(alarms.size, kept.length)
        yield* TestClock.adjust(1_000)
        assert.deepStrictEqual(rung.splice(0), kept.map(({ at }) => at).toSorted((a, b) => a - b), `round ${round}`)
        yield* endOfTurn
        assert.deepStrictEqual([alarms.size, sleepers()], [0, 0])
      }
    }))

  it.effect("sleep only while one is set", () =>
    Effect.gen(function*() {
      const { alarms, ringAt, sleepers } = yield* make
      assert.strictEqual(sleepers(), 0)
      const [one, two] = [ringAt(10, () => {}), ringAt(20, () => {})]
      assert.strictEqual(sleepers(), 1)
      alarms.cancel(one)
      assert.strictEqual(sleepers(), 1)
      alarms.cancel(two)
      yield* endOfTurn
      assert.deepStrictEqual([alarms.size, sleepers()], [0, 0])
    }))

  it.effect("keep the sleeper for one that follows in the same turn", () =>
    Effect.gen(function*() {
      const { alarms, ringAt, started } = yield* make
      for (let i = 0; i < 5; i++) alarms.cancel(ringAt(10 + i, () => {}))
      assert.strictEqual(started(), 1)
      yield* endOfTurn
      ringAt(10, () => {})
      assert.strictEqual(started(), 2)
    }))

  it.effect("never ring at infinity, and cost nothing there", () =>
    Effect.gen(function*() {
      const { alarms, ringAt, sleepers } = yield* make
      let rung = 0
      const alarm = ringAt(Infinity, () => rung++)
      assert.deepStrictEqual([alarms.size, sleepers()], [0, 0])
      yield* TestClock.adjust("365 days")
      alarms.cancel(alarm)
      assert.strictEqual(rung, 0)
    }))

  it.effect("may be set and cancelled by one that rings", () =>
    Effect.gen(function*() {
      const { alarms, ringAt, sleepers } = yield* make
      const rung: Array<string> = []
      const later: Alarm = ringAt(10, () => rung.push("cancelled"))
      ringAt(5, () => {
        rung.push(`first@${alarms.now()}`)
        alarms.cancel(later)
        ringAt(7, () => rung.push(`second@${alarms.now()}`))
      })
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(rung, ["first@5", "second@7"])
      assert.deepStrictEqual([alarms.size, sleepers()], [0, 0])
    }))

  it.effect("that set themselves for a time that is over let the others ring, and the process go on", () =>
    Effect.gen(function*() {
      const { alarms, ringAt } = yield* make
      let rung = 0
      const restless: Alarm = {
        index: -1,
        ring: () => {
          if (rung++ > 100_000) throw new Error("it rings for ever")
          alarms.set(restless, rung % 2 === 0 ? NaN : 0)
        }
      }
      alarms.set(restless, 5)
      const others: Array<number> = []
      for (const at of [5, 6, 7]) ringAt(at, () => others.push(alarms.now()))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual([others, alarms.size], [[5, 6, 7], 1])
      alarms.cancel(restless)
    }))

  it.effect("ring no more after stop", () =>
    Effect.gen(function*() {
      const { alarms, ringAt, sleepers } = yield* make
      let rung = 0
      ringAt(5, () => rung++)
      alarms.stop()
      yield* TestClock.adjust(20)
      assert.deepStrictEqual([rung, sleepers()], [0, 0])
    }))
})
