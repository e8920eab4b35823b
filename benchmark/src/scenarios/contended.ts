/** One key that everybody wants: who gets it next, how soon, and how fairly. */
import { byName, ours, peers } from "../contestants/redis.ts"
import { Commands } from "../lib/commands.ts"
import { monotonic } from "../lib/monotonic.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { jain, random, Rounds, shuffled } from "../lib/stats.ts"
import type { Log, Order } from "../waiters.ts"

interface Setting {
  readonly name: string
  readonly contestant: string
  readonly retryMillis: number | undefined
}

interface Entry {
  readonly waiter: number
  readonly entered: number
  readonly left: number
  readonly fence: number
}

const measure = (logs: Log, { contestant, endAt, startAt }: Order): Record<string, number> => {
  const entries: Array<Entry> = []
  const served = logs.map(() => 0)
  let longest = 0
  logs.forEach((log, waiter) => {
    for (let i = 0; i < log.length; i += 4) {
      const [asked, entered, left, fence] = log.subarray(i, i + 4)
      longest = Math.max(longest, Math.min(entered, endAt) - asked)
      entries.push({ waiter, entered, left, fence })
      if (entered <= endAt) served[waiter]++
    }
  })
  entries.sort((a, b) => a.entered - b.entered)
  let handOffs = 0
  for (let i = 1; i < entries.length; i++) {
    const [previous, entry] = [entries[i - 1], entries[i]]
    check(entry.entered >= previous.left, `${contestant} let two in at once`)
    check(!(entry.fence <= previous.fence), `${contestant} gave out a fencing token that did not rise`)
    if (entry.entered <= endAt && entry.waiter !== previous.waiter) handOffs++
  }
  return {
    handOffs: handOffs / (endAt - startAt) * 1000,
    acquisitions: served.reduce((a, b) => a + b) / (endAt - startAt) * 1000,
    longest,
    jain: jain(served),
    starved: served.filter((n) => n === 0).length
  }
}

export const run = async ({ log, quick, redisPort, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const commands = await Commands.open(redisPort)
  const places = ["here", "there"].map(() => new Processes<Order, Log>("waiters"))
  const millis = quick ? 300 : 1000
  const rounds = quick ? 1 : 3

  /** Those whose processes have started. */
  const known = new Set<string>()

  const window = async (
    { contestant, retryMillis }: Setting,
    processes: number,
    sectionMillis: number
  ): Promise<Record<string, number>> => {
    const startAt = monotonic() + (known.has(contestant) ? 100 : 2500)
    known.add(contestant)
    const order: Order = {
      contestant,
      retryMillis,
      port: redisPort,
      key: "contended",
      waiters: 64 / processes,
      sectionMillis,
      startAt,
      endAt: startAt + millis
    }
    await commands.start()
    const logs = await Promise.all(places.slice(0, processes).map((place) => place.ask(contestant, order)))
    const sent = await commands.since(byName(contestant).sends)
    check(await commands.size() === 0, `${contestant} left keys behind`)
    const result = measure(logs.flat(), order)
    return { ...result, commands: sent / (result.handOffs * millis / 1000) }
  }

  const retries = quick ? [10] : [3, 10, 30]
  const best = new Map<string, Map<number, number>>()
  for (const { name } of peers) {
    const found = new Map<number, number>()
    for (const sectionMillis of [0, 1]) {
      let most = -1
      if (quick) found.set(sectionMillis, retries[0])
      for (const retryMillis of quick ? [] : retries) {
        const { handOffs } = await window({ name, contestant: name, retryMillis }, 2, sectionMillis)
        if (handOffs > most) {
          most = handOffs
          found.set(sectionMillis, retryMillis)
        }
      }
    }
    best.set(name, found)
  }
  log(`best retry times: ${[...best].map(([name, found]) => `${name} ${[...found.values()].join("/")} ms`).join(", ")}`)

  const all: ReadonlyArray<readonly [processes: number, sectionMillis: number]> = [[1, 0], [1, 1], [2, 0], [2, 1]]
  const setups = quick ? all.slice(2) : all
  const settings = (sectionMillis: number): ReadonlyArray<Setting> => [
    { name: ours.name, contestant: ours.name, retryMillis: undefined },
    ...peers.flatMap(({ name }) => {
      const retryMillis = best.get(name)!.get(sectionMillis)!
      return [
        { name, contestant: name, retryMillis: undefined },
        { name: `${name}, every ${retryMillis} ms`, contestant: name, retryMillis }
      ]
    })
  ]
  const results = new Map(setups.map((setup) => [setup, new Rounds()]))
  for (const setup of setups) await window(settings(0)[0], ...setup)
  for (let round = 0; round < rounds; round++) {
    for (const [setup, own] of results) {
      for (const setting of shuffled(settings(setup[1]), next)) own.add(setting.name, await window(setting, ...setup))
    }
    log(`round ${round + 1} of ${rounds}`)
  }
  for (const place of places) place.close()
  commands.close()

  const title = ([processes, sectionMillis]: readonly [number, number]) =>
    `Redis, one key, ${processes} x ${64 / processes} waiters, sections of ${sectionMillis} ms`
  const bestOf = (own: Rounds, sectionMillis: number, tuned: boolean) =>
    Math.max(
      ...settings(sectionMillis)
        .filter(({ contestant, retryMillis }) => contestant !== ours.name && (tuned || retryMillis === undefined))
        .map(({ name }) => own.median(name, "handOffs"))
    )
  const empty = results.get(setups.find(([processes, millis]) => processes === 2 && millis === 0)!)!
  return {
    tables: [...results].map(([setup, own]) => ({
      title: title(setup),
      columns: [
        "",
        "hand-offs/s",
        "spread",
        "acquisitions/s",
        "longest wait ms",
        "Jain",
        "starved",
        "commands/hand-off"
      ],
      rows: settings(setup[1]).map(({ name }) => [
        name,
        short(own.median(name, "handOffs")),
        percent(own.spread(name, "handOffs")),
        short(own.median(name, "acquisitions")),
        short(own.median(name, "longest")),
        short(own.median(name, "jain")),
        short(own.median(name, "starved")),
        short(own.median(name, "commands"))
      ])
    })),
    reach: [
      atLeast(
        "2 x 32 waiters, empty sections: hand-offs, of the best peer at its best settings",
        empty.median(ours.name, "handOffs") / bestOf(empty, 0, true),
        30
      ),
      atLeast(
        "2 x 32 waiters, empty sections: hand-offs, of the best peer at its default settings",
        empty.median(ours.name, "handOffs") / bestOf(empty, 0, false),
        100
      ),
      ...[...results].flatMap(([setup, own]) => [
        ...(setup[1] === 1
          ? [
            atLeast(
              `${title(setup)}: hand-offs, of the best peer`,
              own.median(ours.name, "handOffs") / bestOf(own, 1, true),
              1
            )
          ]
          : []),
        ...(setup[0] === 2 && setup[1] === 1
          ? [atLeast(`${title(setup)}: hand-offs/s`, own.median(ours.name, "handOffs"), 800)]
          : []),
        atLeast(`${title(setup)}: Jain`, own.median(ours.name, "jain"), 0.95),
        atMost(`${title(setup)}: starved`, own.median(ours.name, "starved"), 0),
        atMost(`${title(setup)}: commands per hand-off`, own.median(ours.name, "commands"), 1)
      ])
    ],
    data: {
      best: Object.fromEntries([...best].map(([name, found]) => [name, Object.fromEntries(found)])),
      ...Object.fromEntries(
        [...results].map(([[processes, millis], own]) => [`${processes}x${64 / processes} ${millis}`, own.toJSON()])
      )
    }
  }
}
