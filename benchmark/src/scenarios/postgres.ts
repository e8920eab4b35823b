/** Locks in PostgreSQL: that nobody else wants, that two processes hand to and fro, and that are held. */
import { once } from "node:events"
import * as Postgres from "../contestants/postgres.ts"
import type { Order, Window } from "../cycler.ts"
import type { Held } from "../holder.ts"
import { monotonic } from "../lib/monotonic.ts"
import { Processes } from "../lib/processes.ts"
import { start } from "../lib/programs.ts"
import { atLeast, atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { cpuOf, postgres, type Server } from "../lib/servers.ts"
import { median, quantile, random, Rounds, shuffled } from "../lib/stats.ts"
import type { Log, Order as Wait } from "../waiters.ts"

const { advisory, contestants, ours, row } = Postgres
const concurrencies = [1, 16, 256]

/** From when one process leaves until the other enters, in milliseconds. */
const gaps = (logs: ReadonlyArray<Log>): ReadonlyArray<number> => {
  const entries = logs.flatMap((log, process) =>
    log.flatMap((numbers) =>
      Array.from({ length: numbers.length / 4 }, (_, i) => ({
        process,
        entered: numbers[4 * i + 1],
        left: numbers[4 * i + 2]
      }))
    )
  ).toSorted((a, b) => a.entered - b.entered)
  const found: Array<number> = []
  for (let i = 1; i < entries.length; i++) {
    const [before, after] = [entries[i - 1], entries[i]]
    check(after.entered >= before.left, "two were let in at once")
    if (before.process !== after.process) found.push(after.entered - before.left)
  }
  return found
}

const parts: Readonly<Record<string, (context: Context, server: Server) => Promise<Report>>> = {
  /** Locks that nobody else wants. */
  free: async ({ log, quick, seed }, { port }) => {
    const next = random(seed)
    const cyclers = new Processes<Order, Window>("cycler")
    const cycle = (contestant: string, workers: number, millis: number): Promise<Window> =>
      cyclers.ask(contestant, { server: "postgres", contestant, port, workers, millis })
    const free = new Map(concurrencies.map((concurrency) => [concurrency, new Rounds()]))
    for (const { name } of contestants) {
      for (const concurrency of [256, 16, 1]) await cycle(name, concurrency, 500)
    }
    const rounds = quick ? 5 : 20
    for (let round = 0; round < rounds; round++) {
      for (const [concurrency, own] of free) {
        for (const { name } of shuffled(contestants, next)) {
          own.add(name, { ...await cycle(name, concurrency, quick ? 200 : 400) })
        }
      }
      log(`round ${round + 1} of ${rounds}`)
    }
    cyclers.close()
    const targets = { 1: 0.9, 16: 4, 256: 12 }
    return {
      tables: concurrencies.map((concurrency) => {
        const own = free.get(concurrency)!
        return {
          title: `PostgreSQL, uncontended, ${concurrency} at a time`,
          columns: ["", "cycles/s", "spread", "of the row's", "p50 ms", "p99 ms", "client CPU µs"],
          rows: contestants.map(({ name }) => [
            name,
            short(own.median(name, "rate")),
            percent(own.spread(name, "rate")),
            short(own.ratio(name, row.name, "rate")),
            short(own.median(name, "p50")),
            short(own.median(name, "p99")),
            short(own.median(name, "cpu"))
          ])
        }
      }),
      reach: Object.entries(targets).map(([concurrency, target]) =>
        atLeast(
          `PostgreSQL, uncontended, ${concurrency} at a time: of the row's`,
          free.get(Number(concurrency))!.ratio(ours.name, row.name, "rate"),
          target
        )
      ),
      data: Object.fromEntries([...free].map(([n, own]) => [n, own.toJSON()]))
    }
  },

  /** One key that two processes hand to and fro. */
  "hand-over": async ({ quick, seed }, { port }) => {
    const next = random(seed)
    const places = ["here", "there"].map(() => new Processes<Wait, Log>("waiters"))
    const handOver = new Rounds()
    const known = new Set<string>()
    for (let round = 0; round < (quick ? 3 : 10); round++) {
      for (const { name } of shuffled(contestants, next)) {
        const startAt = monotonic() + (known.has(name) ? 100 : 2500)
        known.add(name)
        const order: Wait = {
          server: "postgres",
          contestant: name,
          retryMillis: undefined,
          port,
          key: "contended",
          waiters: 1,
          sectionMillis: 20,
          startAt,
          endAt: startAt + (quick ? 1000 : 2000)
        }
        const found = gaps(await Promise.all(places.map((place) => place.ask(name, order))))
        if (found.length > 0) handOver.add(name, { p50: quantile(found, 0.5), p90: quantile(found, 0.9) })
      }
    }
    for (const place of places) place.close()
    return {
      tables: [{
        title: "PostgreSQL, one key, handed from process to process",
        columns: ["", "p50 ms", "p90 ms"],
        rows: contestants.map(({ name }) => [
          name,
          short(handOver.median(name, "p50")),
          short(handOver.median(name, "p90"))
        ]),
        note: "From the end of a section of 20 ms to the beginning of the next, in the other process. " +
          "Commits wait for the disk; an advisory lock writes nothing."
      }],
      reach: [
        atMost(
          "PostgreSQL, hand-over between processes, p50: of pg_advisory_lock's",
          median(handOver.values(ours.name, "p50")) / median(handOver.values(advisory.name, "p50")),
          5
        )
      ],
      data: handOver.toJSON()
    }
  },

  /** Many locks that are kept. */
  held: async ({ quick }, server) => {
    const { port } = server
    const windows = quick ? 1 : 3
    const seconds = 10
    const locks = 10_000
    const holder = start("holder", [
      JSON.stringify({ server: "postgres", name: ours.name, port, locks, seconds, windows })
    ], { execArgv: ["--expose-gc"] })
    const messages: Array<Held | string> = []
    holder.on("message", (message) => messages.push(message as Held))
    await once(holder, "message")
    const [before, cpu] = [await Postgres.commits(port), cpuOf(server)]
    await once(holder, "message")
    const perSecond = (await Postgres.commits(port) - before) / (seconds * windows)
    const core = (cpuOf(server) - cpu) / (seconds * windows)
    holder.send("release")
    await once(holder, "message")
    holder.send("end")
    return {
      tables: [{
        title: "PostgreSQL, 10,000 locks held, leases of 10 s, renewed every third",
        columns: ["", "statements/s", "of a server core", "of a client core"],
        rows: [[ours.name, short(perSecond), `${short(core * 100)} %`, `${short((messages[1] as Held).cpu * 100)} %`]]
      }],
      reach: [
        atMost("PostgreSQL, 10,000 held locks: statements/s", perSecond, 25),
        atMost("PostgreSQL, 10,000 held locks: of a server core", core * 100, 5, " %")
      ],
      data: { perSecond, core }
    }
  }
}

export const run = async (context: Context): Promise<Report> => {
  const server = await postgres()
  await Postgres.prepare(server.port)
  const report = await parts[context.part](context, server)
  server.stop()
  return report
}
