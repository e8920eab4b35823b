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

/** `2x32-1ms`: two processes with 32 waiters each, sections of a millisecond. */
const setupOf = (part: string): readonly [processes: number, sectionMillis: number] => {
  const [, processes, millis] = /^(\d+)x\d+-(\d+)ms$/.exec(part) ?? []
  return [Number(processes), Number(millis)]
}

export const run = async (
  { before, log, part, quick, redisPort, rounds = quick ? 1 : 3, seed }: Context
): Promise<Report> => {
  const earlier = before as { best: Record<string, number>; rounds: ReturnType<Rounds["toJSON"]> } | undefined
  const results = new Rounds(earlier?.rounds)
  // Another order than in the rounds before.
  const next = random(seed + results.values(ours.name, "handOffs").length)
  const [processes, sectionMillis] = setupOf(part)
  const commands = await Commands.open(redisPort)
  const places = ["here", "there"].map(() => new Processes<Order, Log>("waiters"))
  const millis = quick ? 300 : 1000

  /** Those whose processes have started. */
  const known = new Set<string>()

  const window = async ({ contestant, retryMillis }: Setting): Promise<Record<string, number>> => {
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

  /** The retry time with which a peer hands off most. */
  const best = new Map(Object.entries(earlier?.best ?? {}))
  const retries = quick ? [10] : [3, 10, 30]
  for (const { name } of peers) {
    if (best.has(name)) continue
    let most = -1
    if (quick) best.set(name, retries[0])
    for (const retryMillis of quick ? [] : retries) {
      const { handOffs } = await window({ name, contestant: name, retryMillis })
      if (handOffs > most) {
        most = handOffs
        best.set(name, retryMillis)
      }
    }
  }
  log(`best retry times: ${[...best].map(([name, millis]) => `${name} ${millis} ms`).join(", ")}`)

  const settings: ReadonlyArray<Setting> = [
    { name: ours.name, contestant: ours.name, retryMillis: undefined },
    ...peers.flatMap(({ name }) => {
      const retryMillis = best.get(name)!
      return [
        { name, contestant: name, retryMillis: undefined },
        { name: `${name}, every ${retryMillis} ms`, contestant: name, retryMillis }
      ]
    })
  ]
  await window(settings[0])
  for (let round = 0; round < rounds; round++) {
    for (const setting of shuffled(settings, next)) results.add(setting.name, await window(setting))
    log(`round ${round + 1} of ${rounds}`)
  }
  for (const place of places) place.close()
  commands.close()

  const title = `Redis, one key, ${processes} x ${64 / processes} waiters, sections of ${sectionMillis} ms`
  const handOffs = results.median(ours.name, "handOffs")
  /** Ours, of the best peer's. */
  const lead = (tuned: boolean) =>
    handOffs / Math.max(
      ...settings
        .filter(({ contestant, retryMillis }) => contestant !== ours.name && (tuned || retryMillis === undefined))
        .map(({ name }) => results.median(name, "handOffs"))
    )
  return {
    tables: [{
      title,
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
      rows: settings.map(({ name }) => [
        name,
        short(results.median(name, "handOffs")),
        percent(results.spread(name, "handOffs")),
        short(results.median(name, "acquisitions")),
        short(results.median(name, "longest")),
        short(results.median(name, "jain")),
        short(results.median(name, "starved")),
        short(results.median(name, "commands"))
      ])
    }],
    reach: [
      ...(processes === 2 && sectionMillis === 0
        ? [
          atLeast("2 x 32 waiters, empty sections: hand-offs, of the best peer at its best settings", lead(true), 30),
          atLeast(
            "2 x 32 waiters, empty sections: hand-offs, of the best peer at its default settings",
            lead(false),
            100
          )
        ]
        : []),
      ...(sectionMillis === 1 ? [atLeast(`${title}: hand-offs, of the best peer`, lead(true), 1)] : []),
      ...(processes === 2 && sectionMillis === 1 ? [atLeast(`${title}: hand-offs/s`, handOffs, 800)] : []),
      atLeast(`${title}: Jain`, results.median(ours.name, "jain"), 0.95),
      atMost(`${title}: starved`, results.median(ours.name, "starved"), 0),
      atMost(`${title}: commands per hand-off`, results.median(ours.name, "commands"), 1)
    ],
    data: { best: Object.fromEntries(best), rounds: results.toJSON() }
  }
}
