/** Locks in memcached: that nobody else wants, on keys of all kinds, and one that everybody wants. */
import { ours, polling, raw } from "../contestants/memcached.ts"
import type { Order, Window } from "../cycler.ts"
import { monotonic } from "../lib/monotonic.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { jain, random, Rounds, shuffled } from "../lib/stats.ts"
import type { Log, Order as Wait } from "../waiters.ts"

const concurrencies = [1, 16, 256]

/** Of memjs alone, on keys that nobody has used before. */
const targets: Record<number, number> = { 1: 0.95, 16: 1.5, 256: 2.1 }

/** One key, four processes with eight waiters each, sections of a millisecond. */
const processes = 4
const waiters = 8

const fairness = (logs: Log, { endAt, startAt }: Wait): Record<string, number> => {
  const entries: Array<{ readonly entered: number; readonly left: number }> = []
  const waits: Array<number> = []
  const served = logs.map((log) => {
    for (let i = 0; i < log.length; i += 4) {
      entries.push({ entered: log[i + 1], left: log[i + 2] })
      waits.push(Math.min(log[i + 1], endAt) - log[i])
    }
    return log.length / 4
  })
  entries.sort((a, b) => a.entered - b.entered)
  for (let i = 1; i < entries.length; i++) check(entries[i].entered >= entries[i - 1].left, "two were let in at once")
  const mean = waits.reduce((a, b) => a + b, 0) / waits.length
  const longest = Math.max(...waits)
  return {
    sections: entries.length / (endAt - startAt) * 1000,
    jain: jain(served),
    mean,
    longest,
    ratio: longest / mean,
    starved: served.filter((n) => n === 0).length
  }
}

export const run = async ({ log, memcachedPort, quick, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const contestants = [raw, ours]
  const millis = quick ? 100 : 200
  const cyclers = new Processes<Order, Window>("cycler")
  const cycle = (contestant: string, workers: number, millis: number, fresh: boolean): Promise<Window> =>
    cyclers.ask(contestant, { server: "memcached", contestant, port: memcachedPort, workers, millis, fresh })
  const kinds = [false, true].flatMap((fresh) =>
    concurrencies.map((workers) => ({ fresh, workers, own: new Rounds() }))
  )
  for (const one of contestants) {
    for (const { fresh, workers } of kinds.toReversed()) await cycle(one.name, workers, 500, fresh)
  }
  for (let round = 0; round < (quick ? 10 : 24); round++) {
    for (const { fresh, own, workers } of kinds) {
      for (const one of shuffled(contestants, next)) {
        own.add(one.name, { ...await cycle(one.name, workers, millis, fresh) })
      }
    }
  }
  cyclers.close()
  log("uncontended")

  const places = Array.from({ length: processes }, () => new Processes<Wait, Log>("waiters"))
  const many = new Rounds()
  const waiting = [polling, ours]
  const window = async (contestant: string, millis: number) => {
    const startAt = monotonic() + 1_500
    const order: Wait = {
      server: "memcached",
      contestant,
      retryMillis: undefined,
      port: memcachedPort,
      key: `wanted-${contestant}`,
      waiters,
      sectionMillis: 1,
      startAt,
      endAt: startAt + millis
    }
    const logs = await Promise.all(places.map((place) => place.ask(contestant, order)))
    return fairness(logs.flat(), order)
  }
  for (const { name } of waiting) await window(name, 300)
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const { name } of shuffled(waiting, next)) many.add(name, await window(name, quick ? 2_000 : 5_000))
  }
  for (const place of places) place.close()

  const fresh = kinds.filter((kind) => kind.fresh)
  return {
    tables: [
      ...kinds.map(({ fresh, own, workers }) => ({
        title: `memcached, ${fresh ? "new keys" : "uncontended"}, ${workers} at a time`,
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
      {
        title: `memcached, one key, ${processes} x ${waiters} waiters, sections of 1 ms`,
        columns: ["", "sections/s", "Jain", "mean wait ms", "longest ms", "longest of mean", "starved"],
        rows: waiting.map(({ name }) => [
          name === ours.name ? name : `${name}, every 5 ms`,
          ...["sections", "jain", "mean", "longest", "ratio", "starved"].map((measure) =>
            short(many.median(name, measure))
          )
        ])
      }
    ],
    reach: [
      ...fresh.map(({ own, workers }) =>
        atLeast(
          `memcached, new keys, ${workers} at a time: of memjs alone`,
          own.ratio(ours.name, raw.name, "rate"),
          targets[workers]
        )
      ),
      atLeast(`memcached, ${processes} x ${waiters} waiters: Jain`, many.median(ours.name, "jain"), 0.98),
      atMost(
        `memcached, ${processes} x ${waiters} waiters: longest wait, of the mean`,
        many.median(ours.name, "ratio"),
        2
      )
    ],
    data: {
      ...Object.fromEntries(kinds.map(({ fresh, own, workers }) => [`${fresh ? "new " : ""}${workers}`, own.toJSON()])),
      many: many.toJSON()
    }
  }
}
