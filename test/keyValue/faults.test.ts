/**
 * A cache that fails at any one of its calls: what the fibers of a process are promised holds all the
 * same, whoever loses a lock is told, and nothing is left behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import { Lock } from "effect-lock"
import * as KeyValueBackend from "effect-lock/KeyValueBackend"
import { TestClock } from "effect/testing"

const methods = ["get", "set", "delete"] as const
type Method = (typeof methods)[number]

type Execute = Effect.Effect<string | undefined, string>

/** What happens to a call, in place of what should. */
const mishaps = {
  "never settles, and is not executed": () => Effect.never,
  "never settles, and is executed": (execute) => Effect.andThen(execute, Effect.never),
  "is executed late, and answered": (execute) => Effect.delay(execute, 1_500),
  "is executed late, and never settles": (execute) => Effect.andThen(Effect.delay(execute, 1_500), Effect.never),
  "is executed, and answered late": (execute) => Effect.tap(execute, () => Effect.sleep(1_500)),
  "is executed, and fails": (execute) => Effect.andThen(execute, Effect.fail("reset")),
  "is executed, and fails late": (execute) => Effect.andThen(execute, Effect.delay(Effect.fail("reset"), 1_500)),
  "fails": () => Effect.fail("reset"),
  "fails late": () => Effect.delay(Effect.fail("reset"), 1_500),
  "is lost": () => Effect.undefined,
  "throws": () => {
    throw new Error("a bug")
  },
  "dies": () => Effect.die(new Error("a bug")),
  "interrupts itself": () => Effect.interrupt
} satisfies Record<string, (execute: Execute) => Execute>

type Mishap = keyof typeof mishaps

/** Strings by key, with one call of a process that goes wrong: the `nth` of a method. */
const makeCaches = (method: Method, nth: number, mishap: Mishap) => {
  const records = new Map<string, string>()
  let count = 0
  const cache = (call: (name: Method, execute: Execute) => Execute): KeyValueBackend.Cache<string> => ({
    get: (key) => call("get", Effect.sync(() => records.get(key))),
    set: (key, value) => call("set", Effect.sync(() => void records.set(key, value))),
    delete: (key) => call("delete", Effect.sync(() => void records.delete(key)))
  })
  return {
    records,
    isHit: () => count >= nth,
    broken: cache((name, execute) => name === method && ++count === nth ? mishaps[mishap](execute) : execute),
    sound: cache((_, execute) => execute)
  }
}

const expires = 6_000

/** Three callers of the process, of which the first may be interrupted, and one of another process that comes last. */
const play = (method: Method, nth: number, mishap: Mishap, interruptAt: number | undefined) =>
  Effect.gen(function*() {
    const { broken, isHit, records, sound } = makeCaches(method, nth, mishap)
    const inside: Array<string> = []
    const overlaps: Array<string> = []
    const work = (process: string) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          for (const other of inside) overlaps.push([process, other].toSorted().toReversed().join(" beside "))
          inside.push(process)
        }),
        () => Effect.sleep(2_500),
        () => Effect.sync(() => void inside.splice(inside.indexOf(process), 1))
      )
    const lock = (process: string, late: number) =>
      Effect.forkChild(Effect.delay(Lock.withLock(work(process), "key", { expires, timeout: "1 minute" }), late))
    const callers = Effect.gen(function*() {
      const [first, ...others] = yield* Effect.forEach([0, 100, 200], (late) => lock("one", late))
      if (interruptAt !== undefined) yield* Effect.delay(Fiber.interrupt(first), interruptAt)
      return yield* Effect.forEach([first, ...others], (caller) => Fiber.await(caller))
    }).pipe(Effect.provide(KeyValueBackend.fromCache(broken)))
    const last = Effect.flatMap(lock("other", 300), Fiber.await).pipe(Effect.provide(KeyValueBackend.fromCache(sound)))
    const running = yield* Effect.forkChild(Effect.gen(function*() {
      const exits = (yield* Effect.all([callers, last], { concurrency: 2 })).flat()
      yield* Effect.sleep(3_000)
      return { exits, records: Array.from(records.values()) }
    }))
    // Each works for 2.5 seconds, and one lease at most may be in the way.
    yield* TestClock.adjust("30 seconds")
    assert.isDefined(running.pollUnsafe(), `${JSON.stringify({ nth, interruptAt })} goes on for ever`)
    const { exits, ...rest } = yield* Fiber.join(running)
    const ended = exits.map((exit) => {
      if (Exit.isSuccess(exit)) return "done"
      return Option.match(Exit.findErrorOption(exit), {
        onNone: () => Exit.hasInterrupts(exit) ? "interrupted" : String(exit.cause),
        onSome: ({ reason }) => reason._tag
      })
    })
    return { ...rest, ended, overlaps, isHit: isHit() }
  })

/** What may come of it beyond what the fibers of the process are promised whatever happens. */
const limitsOf = (method: Method, mishap: Mishap) => {
  // Reads are to be of what was written last; and what is executed late is so under whoever has the key by then.
  const isStale = method === "get" && mishap === "is lost"
  const isLate = method !== "get" && mishap.startsWith("is executed late")
  const isBug = ["throws", "dies", "interrupts itself"].includes(mishap)
  return {
    // Between processes.
    overlap: isStale || isLate,
    // Until its lease is over.
    leftover: isStale || (isLate && mishap.endsWith("never settles")),
    ending: (process: string): ReadonlyArray<string> => {
      if (isBug && process === "one") return ["BackendFailure"]
      // One that is answered, however late, is put right before the holder in this process is told of a loss.
      return isStale || (isLate && (process === "other" || mishap.endsWith("never settles"))) ? ["LockLost"] : []
    }
  }
}

describe("a cache whose call", () => {
  for (const method of methods) {
    for (const mishap of Object.keys(mishaps) as Array<Mishap>) {
      it.effect(`to "${method}" ${mishap}`, () =>
        Effect.gen(function*() {
          const limits = limitsOf(method, mishap)
          for (const interruptAt of [undefined, 500, 3_000]) {
            for (let nth = 1, isHit = true; isHit; nth++) {
              const { ended, overlaps, records, ...rest } = yield* play(method, nth, mishap, interruptAt)
              isHit = rest.isHit
              const what = JSON.stringify({ nth, interruptAt, ended, overlaps, records })
              assert.notInclude(overlaps, "one beside one", what)
              if (!limits.overlap) assert.deepStrictEqual(overlaps, [], what)
              if (!limits.leftover) assert.deepStrictEqual(records, [], what)
              for (const [i, end] of ended.entries()) {
                const right = ["done", ...i === 0 ? ["interrupted"] : [], ...limits.ending(i === 3 ? "other" : "one")]
                assert.include(right, end, what)
              }
            }
          }
        }))
    }
  }
})
