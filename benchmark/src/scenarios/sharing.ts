/** One key that more than one may have: permits, and readers with a writer now and then, in two processes. */
import { byName, ours, peers } from "../contestants/sharers.ts"
import { Commands } from "../lib/commands.ts"
import { monotonic } from "../lib/monotonic.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { quantile, random, Rounds, shuffled } from "../lib/stats.ts"
import type { Log, Order } from "../sharers.ts"

/** What the peers send, and we. */
const sends = [
  "evalsha",
  "eval",
  "set",
  "info",
  "hello",
  "subscribe",
  "unsubscribe",
  "client|setname",
  "client|setinfo"
]

interface Setup {
  readonly title: string
  readonly limit: number | undefined
  readonly writes: number
}

const limit = 10
const permits: Setup = { title: `a semaphore of ${limit}`, limit, writes: 0 }
const readers: Setup = { title: "readers", limit: undefined, writes: 0 }
const mixed: Setup = { title: "readers, 5 % writers", limit: undefined, writes: 5 }

/** No two in together who must not be. A peer judges by its own clocks: then it is as wrong as these are late. */
const checkOverlaps = (logs: ReadonlyArray<Log>, { title }: Setup, contestant: string): void => {
  const events: Array<readonly [at: number, by: number, isWriter: boolean]> = []
  for (const log of logs) {
    for (let i = 0; i < log.length; i += 4) {
      events.push([log[i + 1], 1, log[i + 3] === 1], [log[i + 2], -1, log[i + 3] === 1])
    }
  }
  events.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let [inside, writers] = [0, 0]
  for (const [, by, isWriter] of events) {
    if (isWriter) writers += by
    else inside += by
    check(writers === 0 || writers + inside === 1, `${contestant} let others in beside a writer (${title})`)
    if (title === permits.title) check(inside <= limit, `${contestant} let in more than ${limit}`)
  }
}

export const run = async ({ log, quick, redisPort, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const commands = await Commands.open(redisPort)
  const places = ["here", "there"].map(() => new Processes<Order, Log>("sharers"))
  const millis = quick ? 500 : 1000
  const rounds = quick ? 2 : 4
  const known = new Set<string>()

  const window = async (name: string, retryMillis: number | undefined, setup: Setup, forMillis = millis) => {
    const startAt = monotonic() + (known.has(name) ? 100 : 2500)
    known.add(name)
    const order = {
      contestant: name,
      retryMillis,
      port: redisPort,
      key: "shared",
      workers: 32,
      sectionMillis: 1,
      limit: setup.limit,
      writes: setup.writes,
      startAt,
      endAt: startAt + forMillis
    }
    await commands.start()
    const logs = await Promise.all(places.map((place, i) => place.ask(name, { ...order, seed: seed + i })))
    const sent = await commands.since(sends)
    checkOverlaps(logs, setup, name)
    if (name === ours.name) check(await commands.size() === 0, "keys are left behind")
    else await commands.empty()
    let uses = 0
    let longest = 0
    const waits: Array<number> = []
    for (const one of logs) {
      for (let i = 0; i < one.length; i += 4) {
        const wait = one[i + 1] - one[i]
        longest = Math.max(longest, wait)
        if (one[i + 1] <= order.endAt) uses++
        if (one[i + 3] === 1) waits.push(wait)
      }
    }
    return {
      uses: uses / millis * 1000,
      commands: sent / uses,
      longest,
      ...(waits.length > 0 && { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) })
    }
  }

  const retries: ReadonlyArray<number | undefined> = quick ? [undefined] : [undefined, 3]
  const settings = [
    { name: ours.name, contestant: ours.name, retryMillis: undefined },
    ...peers.flatMap(({ name }) =>
      retries.map((retryMillis) => ({
        name: retryMillis === undefined ? name : `${name}, every ${retryMillis} ms`,
        contestant: name,
        retryMillis
      }))
    )
  ]
  const setups = [permits, readers, mixed].map((setup) => ({
    setup,
    own: new Rounds(),
    settings: settings.filter(({ contestant }) => setup === permits || byName(contestant).reads)
  }))
  // Long enough for all that a use runs through to have been compiled.
  for (const { settings, setup } of setups) {
    for (const { contestant, retryMillis } of settings) await window(contestant, retryMillis, setup, 2000)
  }
  for (let round = 0; round < rounds; round++) {
    for (const { own, settings, setup } of setups) {
      for (const { contestant, name, retryMillis } of shuffled(settings, next)) {
        own.add(name, await window(contestant, retryMillis, setup))
      }
    }
    log(`round ${round + 1} of ${rounds}`)
  }
  for (const place of places) place.close()
  commands.close()

  const of = (setup: Setup, measure: string) =>
    setups.find((one) => one.setup === setup)!.own.median(ours.name, measure)
  return {
    tables: setups.map(({ own, settings, setup }) => ({
      title: `Redis, one key, 2 x 32 workers, held 1 ms: ${setup.title}`,
      columns: [
        "",
        "uses/s",
        "spread",
        "commands/use",
        "longest wait ms",
        ...(setup.writes > 0 ? ["writers' wait ms, p50", "p99"] : [])
      ],
      rows: settings.map(({ name }) => [
        name,
        short(own.median(name, "uses")),
        percent(own.spread(name, "uses")),
        short(own.median(name, "commands")),
        short(own.median(name, "longest")),
        ...(setup.writes > 0 ? [short(own.median(name, "p50")), short(own.median(name, "p99"))] : [])
      ])
    })),
    reach: [
      atLeast("semaphore of 10, 2 x 32 workers, held 1 ms: uses/s", of(permits, "uses"), 7500),
      atMost("semaphore of 10, 2 x 32 workers, held 1 ms: commands per use", of(permits, "commands"), 0.3),
      atLeast("readers, 2 x 32, held 1 ms: uses/s", of(readers, "uses"), 45_000),
      atMost("readers with 5 % writers: a writer's wait, p99", of(mixed, "p99"), 30, " ms")
    ],
    data: Object.fromEntries(setups.map(({ own, setup }) => [setup.title, own.toJSON()]))
  }
}
