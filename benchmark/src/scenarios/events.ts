/** What it costs to tell of what happens to locks: nothing while nobody listens. */
import { InMemoryBackend, Lock, LockBackend } from "#effect-lock"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { random, Rounds, shuffled } from "../lib/stats.ts"

const times = 5_000
let entered = 0
let heard = 0
const section = Lock.withLock(Effect.sync(() => ++entered), "key")

const clock = (): number => Number(process.hrtime.bigint())

/** Nanoseconds for each. */
const timed = Effect.suspend(() => {
  let i = 0
  const start = clock()
  const loop = Effect.whileLoop({ while: () => i < times, body: () => (i++, section), step: () => {} })
  return Effect.map(loop, () => (clock() - start) / times)
})

const names = {
  never: "nobody listens",
  left: "somebody has listened",
  listens: "somebody listens"
} as const

type Name = keyof typeof names

export const run = async ({ log, quick, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const rounds = new Rounds()
  const make = () => ManagedRuntime.make(InMemoryBackend.layerFresh)
  const runtimes: Record<Name, ReturnType<typeof make>> = { never: make(), left: make(), listens: make() }
  const listen = (name: Name) =>
    runtimes[name].runPromise(Effect.map(LockBackend.LockBackend, (backend) => backend.listen(() => ++heard, () => {})))
  await listen("listens")
  ;(await listen("left"))()

  const once = async (name: Name, keep: boolean) => {
    entered = heard = 0
    const nanos = await runtimes[name].runPromise(timed)
    check(entered === times, `${entered} entries of ${times}`)
    // Acquired, and released.
    check(heard === (name === "listens" ? 2 * times : 0), `${names[name]}: heard of ${heard} events`)
    if (keep) rounds.add(names[name], { nanos })
  }
  const all = Object.keys(names) as Array<Name>
  for (let i = 0; i < 20; i++) for (const one of all) await once(one, false)
  for (let round = 0; round < (quick ? 30 : 200); round++) for (const one of shuffled(all, next)) await once(one, true)
  await Promise.all(all.map((name) => runtimes[name].dispose()))
  log("events done")

  const ratio = (name: Name) => rounds.ratio(names[name], names.never, "nanos")
  return {
    tables: [{
      title: "In one process: telling of what happens to locks",
      columns: ["", "µs", "spread", `of "${names.never}"`],
      rows: all.map((name) => [
        names[name],
        short(rounds.median(names[name], "nanos") / 1_000),
        percent(rounds.spread(names[name], "nanos")),
        short(ratio(name))
      ])
    }],
    reach: [
      atMost("events that nobody hears any more, of never", ratio("left"), 1.05),
      atMost("two events that are heard, of none", ratio("listens"), 1.5)
    ],
    data: rounds.toJSON()
  }
}
