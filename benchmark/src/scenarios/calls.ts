/** What programs do with locks in one process, each beside the same with Effect's semaphore. */
import { InMemoryBackend, Lock, type LockBackend } from "#effect-lock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Semaphore from "effect/Semaphore"
import { atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { random, Rounds, shuffled } from "../lib/stats.ts"

type Program<R> = Effect.Effect<unknown, unknown, R>

/** So many in a row, each made when its turn comes. */
interface Case {
  readonly name: string
  readonly ours: (i: number) => Program<LockBackend.LockBackend>
  /** The same with Effect's semaphore, where it can do that. */
  readonly theirs?: (i: number) => Program<never>
  /** That, and the least of what a lock promises beyond it. */
  readonly least?: (i: number) => Program<never>
  /** Around all of them. */
  readonly within?: <R>(all: Program<R>) => Program<R | LockBackend.LockBackend>
  readonly times: number
  /** How often each runs its body, if at all. */
  readonly enters: 0 | 1
  /** The most it should take: of the semaphore's time where there is one, else in microseconds. */
  readonly most: number
}

const keys = 1024
const semaphore = Semaphore.makeUnsafe(1)
const semaphores = Array.from({ length: keys }, () => Semaphore.makeUnsafe(1))
const keyOf = (i: number) => `key-${i % keys}`
const byKey = new Map(semaphores.map((one, i) => [keyOf(i), one]))
let entered = 0
const body = Effect.sync(() => ++entered)
const promised = Effect.promise(async () => ++entered)

const clock = (): number => Number(process.hrtime.bigint())

/**
 * A permit, the time before and after, and a fiber for the work, since only so can the loss of a lease be an
 * error. There is nothing here of leases, services, options, deadlines or metrics.
 */
const withLeast = <A, E>(work: Effect.Effect<A, E>, permits = semaphore): Effect.Effect<A, E> =>
  permits.withPermit(Effect.uninterruptibleMask((restore) => {
    clock()
    const fiber = Effect.runForkWith(Fiber.getCurrent()!.context)(work)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      clock()
      return exit
    }
    // No function has a name: the loader would define that each time.
    return Effect.onExitPrimitive(
      restore(Effect.callback<A, E>((resume) => {
        fiber.addObserver((exit) => {
          clock()
          resume(exit)
        })
      })),
      () => fiber.pollUnsafe() === undefined ? Fiber.interrupt(fiber) : undefined,
      true
    )
  }))

const cases = (): ReadonlyArray<Case> => {
  const built = { ours: Lock.withLock(body, "key"), theirs: semaphore.withPermit(body), least: withLeast(body) }
  const builtPromised = {
    ours: Lock.withLock(promised, "key"),
    theirs: semaphore.withPermit(promised),
    least: withLeast(promised)
  }
  // Somebody has the key and the permit all the while.
  const taken = <R>(all: Program<R>) => semaphore.withPermit(Lock.withLock(all, "key"))
  return [
    {
      name: "built once",
      ours: () => built.ours,
      theirs: () => built.theirs,
      least: () => built.least,
      times: 5_000,
      enters: 1,
      most: 1.8
    },
    {
      name: "built per call",
      ours: () => Lock.withLock(body, "key"),
      theirs: () => semaphore.withPermit(body),
      least: () => withLeast(body),
      times: 5_000,
      enters: 1,
      most: 2.2
    },
    {
      name: "1,024 keys, options as text per call",
      ours: (i) => Lock.withLock(body, keyOf(i), { expires: "30 seconds", timeout: "5 seconds" }),
      theirs: (i) => semaphores[i % keys].withPermit(body),
      least: (i) => withLeast(body, byKey.get(keyOf(i))),
      times: 5_000,
      enters: 1,
      most: 2.8
    },
    {
      name: "Promise as body",
      ours: () => builtPromised.ours,
      theirs: () => builtPromised.theirs,
      least: () => builtPromised.least,
      times: 1_000,
      enters: 1,
      most: 2.5
    },
    {
      name: "`once` that finds it taken",
      ours: () => Lock.once(body, "key"),
      theirs: () => semaphore.withPermitsIfAvailable(1)(body),
      within: taken,
      times: 5_000,
      enters: 0,
      most: 2
    },
    {
      name: "refused, `timeout: 0`",
      ours: () => Effect.exit(Lock.withLock(body, "key", { timeout: 0 })),
      within: taken,
      times: 500,
      enters: 0,
      most: 5
    },
    {
      name: "refused, `failIfLocked`",
      ours: () => Effect.exit(Lock.once(body, "key", { failIfLocked: true })),
      within: taken,
      times: 500,
      enters: 0,
      most: 5
    },
    {
      name: "under a span",
      ours: () => built.ours,
      theirs: () => built.theirs,
      within: (all) => Effect.withSpan(all, "around"),
      times: 500,
      enters: 1,
      most: 5.5
    }
  ]
}

/** Nanoseconds for each. */
const timed = <R>(one: (i: number) => Program<R>, times: number): Effect.Effect<number, unknown, R> =>
  Effect.suspend(() => {
    let i = 0
    const start = clock()
    const loop = Effect.whileLoop({ while: () => i < times, body: () => one(i++), step: () => {} })
    return Effect.map(loop, () => (clock() - start) / times)
  })

const names = { ours: "effect-lock", theirs: "Semaphore.withPermit", least: "the least" } as const

export const run = async ({ log, quick, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const runtime = ManagedRuntime.make(InMemoryBackend.layer)
  const all = cases()
  const rounds = new Map(all.map(({ name }) => [name, new Rounds()]))
  const once = async (one: Case, keep: boolean): Promise<void> => {
    const { enters, name, times, within } = one
    for (const who of shuffled(["ours", "theirs", "least"] as const, next)) {
      const program = one[who]
      if (program === undefined) continue
      entered = 0
      let nanos = NaN
      const measured = Effect.map(timed<LockBackend.LockBackend>(program, times), (result) => {
        nanos = result
      })
      await runtime.runPromise(within === undefined ? measured : within(measured))
      check(entered === enters * times, `${name}: ${entered} entries of ${enters * times}`)
      if (keep) rounds.get(name)!.add(names[who], { nanos })
    }
  }
  for (let i = 0; i < 20; i++) for (const one of all) await once(one, false)
  for (let round = 0; round < (quick ? 30 : 200); round++) for (const one of shuffled(all, next)) await once(one, true)
  await runtime.dispose()
  log("calls done")

  const ratio = (name: string, who: string = names.ours) => rounds.get(name)!.ratio(who, names.theirs, "nanos")
  const micros = (name: string, who: string) => rounds.get(name)!.median(who, "nanos") / 1_000
  // A span has a price of its own, which the semaphore does not pay.
  const isRatio = ({ name, theirs }: Case) => theirs !== undefined && name !== "under a span"
  return {
    tables: [{
      title: "In one process: what programs do",
      columns: ["", "effect-lock µs", "spread", `${names.theirs} µs`, "of Semaphore", "the least, of Semaphore"],
      rows: all.map(({ name }) => [
        name,
        short(micros(name, names.ours)),
        percent(rounds.get(name)!.spread(names.ours, "nanos")),
        short(micros(name, names.theirs)),
        short(ratio(name)),
        short(ratio(name, names.least))
      ]),
      note: "The least is a permit, a fiber of its own for the work and the time before and after it, without any lock."
    }],
    reach: all.map((one) =>
      isRatio(one)
        ? atMost(`${one.name}, of ${names.theirs}`, ratio(one.name), one.most)
        : atMost(one.name, micros(one.name, names.ours), one.most, " µs")
    ),
    data: Object.fromEntries(all.map(({ name }) => [name, rounds.get(name)!.toJSON()]))
  }
}
