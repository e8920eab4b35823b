/** Locks in memcached that nobody else wants. */
import { ours, raw } from "../contestants/memcached.ts"
import type { Order, Window } from "../cycler.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { random, Rounds, shuffled } from "../lib/stats.ts"

const concurrencies = [1, 16, 256]

export const run = async ({ memcachedPort, quick, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const contestants = [raw, ours]
  const millis = quick ? 100 : 200
  const processes = new Processes<Order, Window>("cycler")
  const cycle = (contestant: string, workers: number, millis: number): Promise<Window> =>
    processes.ask(contestant, { server: "memcached", contestant, port: memcachedPort, workers, millis })
  const results = new Map(concurrencies.map((concurrency) => [concurrency, new Rounds()]))
  for (const one of contestants) {
    for (const concurrency of [256, 16, 1]) await cycle(one.name, concurrency, 700)
  }
  for (let round = 0; round < (quick ? 10 : 40); round++) {
    for (const [concurrency, own] of results) {
      for (const one of shuffled(contestants, next)) {
        own.add(one.name, { ...await cycle(one.name, concurrency, millis) })
      }
    }
  }
  processes.close()
  return {
    tables: [...results].map(([concurrency, own]) => ({
      title: `memcached, uncontended, ${concurrency} at a time`,
      columns: ["", "cycles/s", "spread", "of memjs alone", "p50 ms", "p99 ms", "client CPU µs"],
      rows: contestants.map(({ name }) => [
        name,
        short(own.median(name, "rate")),
        percent(own.spread(name, "rate")),
        short(own.ratio(name, raw.name, "rate")),
        short(own.median(name, "p50")),
        short(own.median(name, "p99")),
        short(own.median(name, "cpu"))
      ])
    })),
    reach: [...results].map(([concurrency, own]) =>
      atLeast(
        `memcached, uncontended, ${concurrency} at a time: of memjs alone`,
        own.ratio(ours.name, raw.name, "rate"),
        0.9
      )
    ),
    data: Object.fromEntries([...results].map(([n, own]) => [n, own.toJSON()]))
  }
}
