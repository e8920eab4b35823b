/** Locks as programs take them, each call with a key and an effect of its own, beside ioredis doing the least. */
import type { Contestant, Figures, Order } from "../fresh.ts"
import { Commands } from "../lib/commands.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, atMost, check, type Context, percent, type Report, short, sleep } from "../lib/scenario.ts"
import { random, Rounds, shuffled } from "../lib/stats.ts"

const raw = "ioredis alone"
const ours = "effect-lock"
const early = "effect-lock, release not waited for"
const contestants: ReadonlyArray<Contestant> = [raw, "ioredis alone, an Effect per call", ours, early]

interface Setting {
  readonly name: string
  readonly order:
    & { readonly millis: number }
    & (
      | { readonly kind: "closed"; readonly workers: number }
      | { readonly kind: "open"; readonly perSecond: number; readonly keys: number }
    )
}

export const run = async ({ log, quick, redisPort: port, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const commands = await Commands.open(port)
  const processes = new Processes<Order, Figures>("fresh")
  const rounds = quick ? 4 : 7
  const settings: ReadonlyArray<Setting> = [
    ...[1, 16, 256].map((workers) => ({
      name: `${workers} at a time`,
      order: { kind: "closed" as const, workers, millis: quick ? 150 : 300 }
    })),
    {
      name: "1,000 a second over 10,000 keys",
      order: { kind: "open", perSecond: 1000, keys: 10_000, millis: quick ? 500 : 2000 }
    }
  ]
  const results = new Map(settings.map(({ name }) => [name, new Rounds()]))
  const ask = async (contestant: Contestant, order: Setting["order"]) => {
    const figures = await processes.ask(contestant, { contestant, port, ...order })
    // Its last releases are on their way.
    if (contestant === early) await sleep(100)
    check(await commands.size() === 0, `${contestant} left keys behind`)
    return figures
  }
  // Until all that a call runs through has been compiled, which takes some 20,000 of them: on a busy machine that is long.
  for (const { order } of settings) {
    for (const contestant of contestants) {
      if (order.kind === "open") await ask(contestant, { ...order, millis: 500 })
      else {
        for (let [calls, times] = [0, 0]; calls < 20_000 && times < 20; times++) {
          calls += (await ask(contestant, { ...order, millis: 1500 })).calls
        }
      }
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name, order } of settings) {
      for (const contestant of shuffled(contestants, next)) {
        const { calls: _, ...figures } = await ask(contestant, order)
        results.get(name)!.add(contestant, figures)
      }
    }
    log(`round ${round + 1} of ${rounds}`)
  }
  processes.close()

  const waiters = 5000
  await commands.hold(Array.from({ length: waiters }, (_, i) => `lock:{held-${i}}`))
  const seconds = quick ? 3 : 12
  const standing = await waitingCost(port, commands, waiters, seconds)
  await commands.empty()
  commands.close()

  const of = (name: string, measure: string, who = ours) => results.get(name)!.ratio(who, raw, measure)
  const open = settings[3].name
  return {
    tables: [
      ...settings.map(({ name }) => ({
        title: `Redis, new keys, ${name}`,
        columns: ["", "calls/s", "spread", "of ioredis alone", "p50 ms", "p99 ms", "p99.9 ms", "client CPU µs"],
        rows: contestants.map((contestant) => {
          const own = results.get(name)!
          return [
            contestant,
            short(own.median(contestant, "rate")),
            percent(own.spread(contestant, "rate")),
            short(own.ratio(contestant, raw, "rate")),
            ...["p50", "p99", "p999", "cpu"].map((measure) => short(own.median(contestant, measure)))
          ]
        })
      })),
      {
        title: "Redis, 5,000 waiters that were there before the connection",
        columns: ["", "scripts/s", "of a core"],
        rows: [[ours, short(standing.scripts), `${short(standing.cpu * 100)} %`]]
      }
    ],
    reach: [
      atLeast("New keys, 1 at a time: of ioredis alone", of("1 at a time", "rate"), 0.9),
      atLeast("New keys, 1 at a time, release not waited for: of ioredis alone", of("1 at a time", "rate", early), 1.4),
      atLeast("New keys, 16 at a time: of ioredis alone", of("16 at a time", "rate"), 1.3),
      atMost("New keys, 16 at a time: p99, of ioredis alone", of("16 at a time", "p99"), 1.5),
      atLeast("New keys, 256 at a time: of ioredis alone", of("256 at a time", "rate"), 2.5),
      atMost("1,000 a second: p50, of ioredis alone", of(open, "p50"), 1.3),
      atMost("1,000 a second: p99, of ioredis alone", of(open, "p99"), 1.5),
      atMost("1,000 a second: p99.9, of ioredis alone", of(open, "p999"), 2),
      atMost("1,000 a second: client CPU, of ioredis alone", of(open, "cpu"), 1.4),
      atMost("5,000 waiters: scripts/s", standing.scripts, 20),
      atMost("5,000 waiters: of a core", standing.cpu * 100, 2, " %")
    ],
    data: {
      ...Object.fromEntries([...results].map(([name, own]) => [name, own.toJSON()])),
      waiting: standing
    }
  }
}

/** What so many waiters cost while nothing happens. */
const waitingCost = async (port: number, commands: Commands, waiters: number, seconds: number) => {
  const processes = new Processes<Order, Figures | "waiting" | "waited">("fresh")
  const answer = processes.ask(ours, { contestant: ours, port, kind: "waiting", waiters, millis: seconds * 1000 })
  check(await answer === "waiting", "no word of those who wait")
  await commands.start()
  check(await processes.hear(ours) === "waited", "no word of those who wait")
  const scripts = await commands.since(["evalsha", "eval"]) / seconds
  const figures = await processes.hear(ours)
  check(typeof figures === "object", "no word of those who wait")
  processes.close()
  return { scripts, cpu: figures.cpu / 1e6 }
}
