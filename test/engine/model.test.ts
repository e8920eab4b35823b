/**
 * Random programs over several fibers and keys and two processes on one store,
 * checked against what a lock promises. A failing program is printed with its
 * seed; `LOCK_MODEL_SEED=<seed> npx vitest run test/engine/model.test.ts` runs
 * it alone, `LOCK_MODEL_RUNS` and `LOCK_MODEL_FROM` try others.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, type Fiber, Option } from "effect"
import { InMemoryBackend, Lock, type LockConfig, type LockError, type LockStore } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import {
  callingBack,
  deaf,
  ending,
  exchanging,
  flush,
  granting,
  handingOver,
  horizon,
  makeProcess,
  now,
  type Process
} from "./support.ts"

/** A small generator of reproducible chance (mulberry32). */
const makeRandom = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (n: number): number => Math.floor(next() * n)
  const pick = <A>(choices: ReadonlyArray<A>): A => choices[below(choices.length)]
  return { next, below, pick }
}

type Random = ReturnType<typeof makeRandom>

const kinds = [
  "deaf",
  "listening",
  "calling back",
  "direct",
  "handing over",
  "exchanging",
  "granting"
] as const

type Kind = typeof kinds[number]

const keys = ["a", "b", "c"] as const

interface Request {
  readonly _tag: "Request"
  readonly process: 0 | 1
  readonly key: string
  readonly options: LockConfig.LockOptions
  /** How long the work takes; for ever if undefined. */
  readonly work: number | undefined
  readonly extend: number | undefined
  readonly releaseEarly: boolean
}

type Step =
  | Request
  | { readonly _tag: "Interrupt"; readonly which: number }
  | { readonly _tag: "Advance"; readonly millis: number }
  | {
    readonly _tag: "Fault"
    readonly fault: Fault
    readonly operation: TestBackend.Operation
    readonly times: number
    readonly by: number
  }
  | { readonly _tag: "Steal"; readonly key: string; readonly millis: number }
  | { readonly _tag: "Drop"; readonly key: string }
  | { readonly _tag: "Down"; readonly millis: number }

type Fault = "fail" | "failExecuted" | "delay" | "delayRequest" | "loseReply" | "loseRequest"

const faults: ReadonlyArray<Fault> = ["fail", "failExecuted", "delay", "delayRequest", "loseReply", "loseRequest"]

interface Program {
  readonly kind: Kind
  readonly faulty: boolean
  readonly steps: ReadonlyArray<Step>
}

const makeProgram = (random: Random): Program => {
  const kind = random.pick(kinds)
  const faulty = kind !== "direct" && random.next() < 0.6
  const keyCount = 1 + random.below(keys.length)
  const key = () => keys[random.below(keyCount)]
  const step = (): Step => {
    const n = random.below(faulty ? 100 : 80)
    if (n < 40) {
      return {
        _tag: "Request",
        process: random.pick([0, 0, 1] as const),
        key: key(),
        options: {
          expires: random.pick([300, 1_000, 10_000]),
          timeout: random.pick([0, 50, 400, 3_000, 60_000, "Infinity"] as const),
          renew: random.next() < 0.8
        },
        work: random.pick([0, 0, 1, 20, 150, 900, 5_000, undefined]),
        extend: random.next() < 0.15 ? random.pick([500, 20_000]) : undefined,
        releaseEarly: random.next() < 0.1
      }
    }
    if (n < 52) return { _tag: "Interrupt", which: random.below(1_000) }
    if (n < 80) return { _tag: "Advance", millis: random.pick([0, 1, 5, 20, 100, 333, 1_000, 3_000]) }
    if (n < 92) {
      return {
        _tag: "Fault",
        fault: random.pick(faults),
        operation: random.pick(["tryAcquire", "tryAcquire", "extend", "release", "listen", "exchange"] as const),
        times: 1 + random.below(2),
        by: random.pick([100, 600, 1_300, 2_600])
      }
    }
    if (n < 95) return { _tag: "Steal", key: key(), millis: random.pick([50, 800, 4_000]) }
    if (n < 97) return { _tag: "Drop", key: key() }
    return { _tag: "Down", millis: random.pick([50, 500, 2_000]) }
  }
  return { kind, faulty, steps: Array.from({ length: 5 + random.below(25) }, step) }
}

/** What a fiber did, as the model sees it. */
interface Run {
  readonly id: number
  readonly request: Request
  readonly fiber: Fiber.Fiber<unknown, LockError.LockError>
  readonly since: number
}

/** Who is inside, per key, each with the deadline it goes by. */
class Model {
  readonly inside = new Map<string, Map<number, { readonly process: number; lease: Lock.Lease }>>()
  readonly fences = new Map<string, number>()
  readonly entered: Array<string> = []
  /** Whose key was taken by force: until they are told they may meet the next. */
  readonly robbed = new Set<number>()
  /** A lease that was taken by force may pass from fiber to fiber before anybody is told. */
  readonly passedOnUntil = new Map<string, number>()

  rob(key: string, runs: ReadonlyArray<Run>, at: number, handsOver: boolean): void {
    for (const { fiber, id, request } of runs) {
      if (request.key === key && fiber.pollUnsafe() === undefined) this.robbed.add(id)
    }
    if (handsOver) this.passedOnUntil.set(key, at + 25_000)
  }
  complaints: Array<string> = []

  readonly enter = Effect.fnUntraced({ self: this }, function*(
    this: Model,
    id: number,
    process: number,
    key: string,
    lease: Lock.Lease
  ) {
    const excused = this.robbed.has(id) || (yield* now) < (this.passedOnUntil.get(key) ?? 0)
    const others = this.inside.get(key) ?? new Map<number, { readonly process: number; lease: Lock.Lease }>()
    for (const [other, { lease }] of others) {
      const remaining = yield* lease.remaining
      // A holder past its deadline is no holder, though its finalizers may still run.
      if (Duration.toMillis(remaining) > 0 && !excused && !this.robbed.has(other)) {
        this.complaints.push(`#${id} entered ${key} while #${other} was inside`)
      }
    }
    const last = this.fences.get(key) ?? -1
    if (lease.fencingToken <= last && !excused) {
      this.complaints.push(`#${id} has fencing token ${lease.fencingToken} of ${key} after ${last}`)
    }
    this.fences.set(key, Math.max(last, lease.fencingToken))
    this.inside.set(key, others.set(id, { process, lease }))
    this.entered.push(`${process}/${key}/${id}`)
  })

  leave(id: number, key: string): void {
    this.inside.get(key)?.delete(id)
  }
}

interface World {
  readonly inner: LockStore.LockStore
  readonly test: TestBackend.TestBackend["Service"]
  readonly processes: readonly [Process, Process]
}

const makeWorld = (kind: Kind): Effect.Effect<World> =>
  Effect.gen(function*() {
    const inner = yield* (kind === "granting" ? granting : InMemoryBackend.makeStore)
    const test = yield* TestBackend.make(kind === "exchanging" ? exchanging(inner) : inner)
    const store = kind === "deaf"
      ? deaf(test.store)
      : kind === "calling back"
      ? yield* callingBack(test.store)
      : kind === "direct"
      ? inner
      : kind === "handing over"
      ? handingOver(test.store)
      : test.store
    return { inner, test, processes: [yield* makeProcess(store), yield* makeProcess(store)] }
  })

const launch = (world: World, model: Model, id: number, request: Request) =>
  Effect.gen(function*() {
    const { extend, key, options, process, releaseEarly, work } = request
    const body = (lease: Lock.Lease) =>
      Effect.acquireUseRelease(
        model.enter(id, process, key, lease),
        () =>
          Effect.gen(function*() {
            if (extend !== undefined) yield* Effect.ignore(lease.extend(extend))
            if (work === undefined) return yield* Effect.never
            if (work > 0) yield* Effect.sleep(work)
            if (releaseEarly) {
              model.leave(id, key)
              yield* lease.release
            }
          }),
        () => Effect.sync(() => model.leave(id, key))
      )
    return yield* world.processes[process].start(Lock.withLock(body, key, options))
  })

const inject = (
  test: World["test"],
  { by, fault, operation, times }: Extract<Step, { readonly _tag: "Fault" }>
) => {
  switch (fault) {
    case "fail":
      return test.fail(operation, { times })
    case "failExecuted":
      return test.fail(operation, { times, executed: true })
    case "delay":
    case "delayRequest":
      return test[fault](operation, by, { times })
    case "loseReply":
    case "loseRequest":
      return test[fault](operation, { times })
  }
}

/** Runs a program; the result says what is wrong with it. */
const check = (program: Program): Effect.Effect<ReadonlyArray<string>, LockError.BackendFailure> =>
  Effect.gen(function*() {
    const { faulty, kind, steps } = program
    const world = yield* makeWorld(kind)
    const { inner, processes, test } = world
    const model = new Model()
    const runs: Array<Run> = []
    const complain = (what: string) => void model.complaints.push(what)

    const look = Effect.gen(function*() {
      yield* flush
      const at = yield* now
      for (const { fiber, id, request, since } of runs) {
        const { timeout } = request.options
        if (timeout === "Infinity" || fiber.pollUnsafe() !== undefined) continue
        if (model.entered.includes(`${request.process}/${request.key}/${id}`)) continue
        // A silent store may take its patience for the attempt, for the release after it, and to say who holds the key.
        const limit = Number(timeout) + (faulty ? 3_000 : 0)
        if (at - since > limit) complain(`#${id} still waits, ${at - since} ms after it began`)
      }
      if (faulty) return
      // Nobody waits for a key that is free: there are no faults, so what can be done has been done.
      for (const key of keys) {
        const waiting = runs.filter(({ fiber, request }) => request.key === key && fiber.pollUnsafe() === undefined)
        const free = Option.isNone(yield* inner.inspect(key))
        if (free && kind !== "deaf" && waiting.length > 0) complain(`#${waiting[0].id} waits for ${key}, which is free`)
      }
    })

    for (const step of steps) {
      switch (step._tag) {
        case "Request": {
          const id = runs.length
          const since = yield* now
          runs.push({
            id,
            request: step,
            since,
            fiber: yield* launch(world, model, id, step)
          })
          break
        }
        case "Interrupt": {
          if (runs.length > 0) runs[step.which % runs.length].fiber.interruptUnsafe()
          break
        }
        case "Advance": {
          yield* TestClock.adjust(step.millis)
          yield* look
          break
        }
        case "Fault": {
          yield* inject(test, step)
          break
        }
        case "Steal": {
          model.rob(step.key, runs, yield* now, kind === "handing over")
          yield* test.steal(step.key, { for: step.millis })
          break
        }
        case "Drop": {
          model.rob(step.key, runs, yield* now, kind === "handing over")
          yield* test.drop(step.key)
          break
        }
        case "Down": {
          yield* test.down
          yield* TestClock.adjust(step.millis)
          yield* test.up
        }
      }
    }

    // In the end the faults are over, and whoever works for ever is asked to stop.
    yield* test.heal()
    yield* test.up
    for (let round = 0; round < 40 && runs.some(({ fiber }) => fiber.pollUnsafe() === undefined); round++) {
      for (const { fiber, request } of runs) {
        const inside = Array.from(model.inside.values()).some((others) =>
          others.has(runs.findIndex((run) => run.fiber === fiber))
        )
        if (request.work === undefined && inside) fiber.interruptUnsafe()
      }
      yield* TestClock.adjust(2_000)
    }
    // What the store never answers is forgotten.
    yield* TestClock.adjust(horizon)
    yield* flush

    for (const { fiber, id, request } of runs) {
      const exit = fiber.pollUnsafe()
      if (exit === undefined) {
        complain(`#${id} never ended`)
      } else if (!["Success", "Interrupt", "LockTimeout", "LockLost", "BackendFailure"].includes(ending(exit))) {
        complain(`#${id} ended with ${Exit.isFailure(exit) ? String(exit.cause) : "?"}`)
      } else if (!faulty && ending(exit) === "BackendFailure") {
        complain(`#${id} ended with a failure of a store that had none`)
      } else if (!faulty && ending(exit) === "LockLost" && request.options.renew !== false) {
        complain(`#${id} lost a lease that renews itself`)
      }
    }
    // First come, first served, among the fibers of a process; interrupted and timed out ones may be missing.
    for (const process of [0, 1] as const) {
      for (const key of keys) {
        const ids = model.entered.filter((entry) => entry.startsWith(`${process}/${key}/`)).map((entry) =>
          Number(entry.split("/")[2])
        )
        if (ids.some((id, i) => i > 0 && id < ids[i - 1])) {
          complain(`out of order in ${process}/${key}: ${ids.join(" ")}`)
        }
      }
    }
    const remaining = { lines: 0, kept: 0, alarms: 0, calls: 0 }
    for (const { engine } of processes) {
      for (const [name, count] of Object.entries(engine.residue)) {
        remaining[name as keyof typeof remaining] += count
      }
    }
    if (Object.values(remaining).some((count) => count > 0)) complain(`left behind: ${JSON.stringify(remaining)}`)
    for (const key of keys) {
      const occupant = yield* inner.inspect(key)
      if (Option.isSome(occupant)) complain(`${key} is still held: ${JSON.stringify(occupant.value)}`)
    }
    // Lost calls wait for ever, so nobody waits for them.
    for (const { engine } of processes) {
      const closing = yield* Effect.forkDetach(engine.close, { startImmediately: true })
      yield* TestClock.adjust(2_000)
      if (closing.pollUnsafe() === undefined) complain("the backend does not close")
    }
    return model.complaints
  })

const report = (seed: number, program: Program, complaints: ReadonlyArray<string>): string =>
  [
    `LOCK_MODEL_SEED=${seed} (${program.kind}${program.faulty ? ", faulty" : ""})`,
    ...complaints,
    ...program.steps.map((step, i) => `  ${i}: ${JSON.stringify(step)}`)
  ].join("\n")

const given = process.env.LOCK_MODEL_SEED
const seeds = given === undefined
  ? Array.from(
    { length: Number(process.env.LOCK_MODEL_RUNS ?? 2_000) },
    (_, i) => i + Number(process.env.LOCK_MODEL_FROM ?? 1)
  )
  : [Number(given)]

describe("random programs keep what a lock promises", () => {
  it.effect(`${seeds.length} programs`, () =>
    Effect.gen(function*() {
      const failures: Array<string> = []
      for (const seed of seeds) {
        const program = makeProgram(makeRandom(seed))
        const complaints = yield* check(program)
        if (complaints.length > 0) failures.push(report(seed, program, complaints))
        if (failures.length >= 5) break
      }
      assert.strictEqual(failures.join("\n\n"), "")
    }), 120_000 + 100 * seeds.length)
})
