/** Locks among the processes of one host. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { byName, ours, peers } from "../contestants/files.ts"
import type { Order } from "../filer.ts"
import { monotonic } from "../lib/monotonic.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, atMost, check, type Context, type Report, short } from "../lib/scenario.ts"
import { jain, median, quantile, random, Rounds, shuffled } from "../lib/stats.ts"

interface Setting {
  readonly name: string
  readonly contestant: string
  readonly retryMillis: number | undefined
}

const setting = (contestant: string, retryMillis?: number): Setting => ({
  name: retryMillis === undefined ? contestant : `${contestant}, every ${retryMillis} ms`,
  contestant,
  retryMillis
})

const settings: ReadonlyArray<Setting> = [
  setting(ours.name),
  setting("proper-lockfile"),
  setting("proper-lockfile", 5),
  setting("lockfile"),
  setting("lockfile", 5),
  setting("better-sqlite3", 5),
  setting("flock(1)")
]

const inDirectory = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "effect-lock-benchmark-"))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Processes of this kind, for one use. */
const withProcesses = async <A>(
  number: number,
  use: (ask: (order: (process: number) => Order) => Promise<ReadonlyArray<unknown>>) => Promise<A>
): Promise<A> => {
  const places = Array.from({ length: number }, () => new Processes<Order, unknown>("filer"))
  try {
    return await use((order) => Promise.all(places.map((place, i) => place.ask("one", order(i)))))
  } finally {
    for (const place of places) place.close()
  }
}

/** A lock that nobody else wants, in a process that has warmed up. */
const uncontended = (one: Setting, millis: number, rounds: number) =>
  inDirectory((directory) =>
    withProcesses(1, async (ask) => {
      const window = async (workers: number, millis: number) => {
        const keys = Array.from({ length: workers }, (_, i) => `key-${i}`)
        const startAt = monotonic()
        const order: Order = { ...one, directory, do: "work", keys, sectionMillis: 0, startAt, endAt: startAt + millis }
        const [log] = await ask(() => order) as [Float64Array]
        const cycles = Array.from({ length: log.length / 4 }, (_, i) => (log[4 * i + 3] - log[4 * i]) * 1000)
        return { p50: quantile(cycles, 0.5), p99: quantile(cycles, 0.99), rate: cycles.length / millis * 1000 }
      }
      for (const workers of [256, 16, 1]) await window(workers, 500)
      const windows = { 1: [], 16: [], 256: [] } as Record<number, Array<Awaited<ReturnType<typeof window>>>>
      for (let i = 0; i < rounds; i++) {
        for (const workers of [1, 16, 256]) windows[workers].push(await window(workers, millis))
      }
      return {
        p50: median(windows[1].map(({ p50 }) => p50)),
        p99: median(windows[1].map(({ p99 }) => p99)),
        "rate 1": median(windows[1].map(({ rate }) => rate)),
        "rate 16": median(windows[16].map(({ rate }) => rate)),
        "rate 256": median(windows[256].map(({ rate }) => rate))
      }
    })
  )

/** One key that several processes want, each with one worker. */
const contended = (one: Setting, processes: number, sectionMillis: number, millis: number) =>
  inDirectory((directory) =>
    withProcesses(processes, async (ask) => {
      const order = (startAt: number, endAt: number): Order => ({
        ...one,
        directory,
        do: "work",
        keys: ["key"],
        sectionMillis,
        startAt,
        endAt
      })
      // All have started, and have the code compiled.
      await ask(() => order(0, monotonic() + 300))
      const startAt = monotonic() + 100
      const logs = await ask(() => order(startAt, startAt + millis)) as ReadonlyArray<Float64Array>
      const entries = logs
        .flatMap((log, process) =>
          Array.from({ length: log.length / 4 }, (_, i) => ({ process, entered: log[4 * i + 1], left: log[4 * i + 2] }))
        )
        .toSorted((a, b) => a.entered - b.entered)
      const gaps: Array<number> = []
      for (let i = 1; i < entries.length; i++) {
        check(entries[i].entered >= entries[i - 1].left, `${one.name} let two in at once`)
        if (entries[i].process !== entries[i - 1].process) gaps.push(entries[i].entered - entries[i - 1].left)
      }
      return {
        turns: entries.length / millis * 1000,
        handOffs: gaps.length / millis * 1000,
        gap: quantile(gaps, 0.5),
        "gap p99": quantile(gaps, 0.99),
        jain: jain(logs.map(({ length }) => length))
      }
    })
  )

/** What 64 waiters in 16 processes take of a core while nothing happens. */
const idle = (one: Setting, millis: number) =>
  inDirectory((directory) => {
    const keys = ["a", "b", "c", "d"]
    return withProcesses(1, async (hold) => {
      await hold(() => ({ ...one, directory, do: "hold", keys }))
      return withProcesses(16, async (ask) => {
        const used = await ask(() => ({ ...one, directory, do: "wait", keys, millis })) as ReadonlyArray<number>
        return used.reduce((a, b) => a + b)
      })
    })
  })

const staleKeys = Array.from({ length: 300 }, (_, i) => `key-${i}`)

/** How many of 300 stale locks are given to two or more of four processes that want them at one moment. */
const takeOver = (contestant: string) =>
  inDirectory(async (directory) => {
    await withProcesses(1, (ask) => ask(() => ({ contestant, directory, do: "abandon", keys: staleKeys })))
    return withProcesses(4, async (ask) => {
      const order = (keys: ReadonlyArray<string>, startAt: number): Order => ({
        contestant,
        directory,
        do: "takeOver",
        keys,
        startAt
      })
      await ask((process) => order([`warm-${process}`], 0))
      const startAt = monotonic() + 300
      const taken = (await ask(() => order(staleKeys, startAt)) as ReadonlyArray<ReadonlyArray<string>>).flat()
      const unique = new Set(taken).size
      return { two: taken.length - unique, none: staleKeys.length - unique }
    })
  })

export const run = async ({ before, log, part, quick, rounds = quick ? 1 : 3, seed }: Context): Promise<Report> => {
  const millis = quick ? 1_000 : 3_000
  const own = new Rounds(before as ReturnType<Rounds["toJSON"]> | undefined)
  // Another order than in the rounds before.
  const next = random(seed + own.values(ours.name, part === "waiting" ? "core" : "turns").length)
  const row = (name: string, ...measures: ReadonlyArray<string>) => [
    name,
    ...measures.map((measure) => short(own.median(name, measure)))
  ]
  const measure = async (
    some: ReadonlyArray<Setting>,
    scores: (one: Setting) => Promise<Record<string, number>>
  ): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      for (const one of shuffled(some, next)) own.add(one.name, await scores(one))
      log(`round ${round + 1} of ${rounds}`)
    }
  }

  switch (part) {
    case "free": {
      const alone = settings.filter(({ contestant, retryMillis }) =>
        retryMillis === undefined || byName(contestant) === peers[2]
      )
      await measure(alone, (one) => uncontended(one, 200, quick ? 3 : 10))
      return {
        tables: [{
          title: "Files, a lock that nobody else wants",
          columns: ["", "p50 µs", "p99 µs", "cycles/s at 1", "at 16", "at 256"],
          rows: alone.map(({ name }) => row(name, "p50", "p99", "rate 1", "rate 16", "rate 256"))
        }],
        reach: [atMost("Files, a free lock: p50", own.median(ours.name, "p50"), 45, " µs")],
        data: own.toJSON()
      }
    }
    case "many": {
      await measure(settings, (one) => contended(one, 8, 1, millis))
      return {
        tables: [{
          title: "Files, one key, 8 processes, sections of 1 ms",
          columns: ["", "hand-offs/s", "turns/s", "gap p50 ms", "gap p99 ms", "Jain"],
          rows: settings.map(({ name }) => row(name, "handOffs", "turns", "gap", "gap p99", "jain"))
        }],
        reach: [
          atLeast("Files, 8 processes, 1 ms: hand-offs/s", own.median(ours.name, "handOffs"), 500),
          atLeast("Files, 8 processes, 1 ms: Jain", own.median(ours.name, "jain"), 0.99)
        ],
        data: own.toJSON()
      }
    }
    case "pair": {
      await measure(settings, (one) => contended(one, 2, 30, millis))
      return {
        tables: [{
          title: "Files, one key, 2 processes, sections of 30 ms",
          columns: ["", "hand-over p50 ms", "p99 ms", "hand-offs/s", "turns/s"],
          rows: settings.map(({ name }) => row(name, "gap", "gap p99", "handOffs", "turns"))
        }],
        reach: [atMost("Files, hand-over after 30 ms", own.median(ours.name, "gap"), 2, " ms")],
        data: own.toJSON()
      }
    }
    case "waiting": {
      await measure(settings, async (one) => ({ core: await idle(one, quick ? 2_000 : 5_000) }))
      return {
        tables: [{
          title: "Files, 64 idle waiters in 16 processes",
          columns: ["", "% of a core"],
          rows: settings.map(({ name }) => [name, short(own.median(name, "core") * 100)])
        }],
        reach: [atMost("Files, 64 idle waiters, of a core", own.median(ours.name, "core") * 100, 5, " %")],
        data: own.toJSON()
      }
    }
    default: {
      const stale = new Map<string, { two: number; none: number }>()
      for (const { abandon, name } of [ours, ...peers]) {
        if (abandon !== undefined) stale.set(name, await takeOver(name))
      }
      const given = stale.get(ours.name)!
      check(given.two === 0, "a stale lock was given to two")
      return {
        tables: [{
          title: "Files, 300 stale locks, 4 processes at one moment",
          columns: ["", "given to two or more", "to nobody"],
          rows: [...stale].map(([name, { none, two }]) => [name, two, none])
        }],
        reach: [atMost("Files, 300 stale locks: given to two", given.two, 0)],
        data: Object.fromEntries(stale)
      }
    }
  }
}
