/**
 * Four workers want the same lock, and get it one at a time.
 *
 * Run it with `npm run quickstart`. To run the same program across processes,
 * provide another backend in the last lines.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Option } from "effect"
import { InMemoryBackend, Lock } from "effect-lock"

interface Turn {
  readonly name: string
  readonly asked: number
  readonly entered: number
  readonly left: number
  readonly fence: number
}

/** What must not happen twice at once: here it takes 60 ms. */
const makeCoffee = Effect.sleep("60 millis")

const worker = (name: string) =>
  Effect.gen(function*() {
    const asked = yield* Clock.currentTimeMillis
    return yield* Lock.withLock(
      (lease) =>
        Effect.gen(function*() {
          const entered = yield* Clock.currentTimeMillis
          yield* makeCoffee
          const left = yield* Clock.currentTimeMillis
          return { name, asked, entered, left, fence: lease.fencingToken } satisfies Turn
        }),
      "coffee-machine",
      { timeout: "5 seconds" }
    )
  })

/** A row for each worker: dots while it waits, blocks while it holds the lock. */
const timeline = (turns: ReadonlyArray<Turn>): string => {
  const cell = 10
  const start = Math.min(...turns.map((turn) => turn.asked))
  const cells = (from: number, to: number) =>
    Math.max(0, Math.round((to - start) / cell) - Math.round((from - start) / cell))
  return turns.map(({ asked, entered, fence, left, name }) =>
    `  ${name.padEnd(5)} ${"·".repeat(cells(asked, entered))}${"█".repeat(cells(entered, left))}` +
    ` waited ${entered - asked} ms, fencing token ${fence}`
  ).join("\n")
}

const overlaps = (turns: ReadonlyArray<Turn>): boolean =>
  turns.some((one) => turns.some((other) => one !== other && one.entered < other.left && other.entered < one.left))

const program = Effect.gen(function*() {
  yield* Console.log(`Four workers want the lock "coffee-machine" (· waits, █ holds):\n`)
  const turns = yield* Effect.forEach(["ada", "bob", "cleo", "dan"], worker, { concurrency: "unbounded" })
  yield* Console.log(timeline(turns))
  yield* Console.log(`\n${overlaps(turns) ? "Two held it at once!" : "Never two at once."}`)

  // Whoever does not want to wait says so
  const [first, second] = yield* Effect.all([Lock.once(makeCoffee, "tea"), Lock.once(makeCoffee, "tea")], {
    concurrency: "unbounded"
  })
  yield* Console.log(
    `And once: the first ${Option.isSome(first) ? "ran" : "did not run"}, ` +
      `the second ${Option.isSome(second) ? "ran too" : "found it taken"}.`
  )
})

program.pipe(Effect.provide(InMemoryBackend.layer), NodeRuntime.runMain)
