/** Locks that nobody else wants: each worker has a key of its own and takes it again and again. */
import type { Contestant, Job, Session } from "../contestants/contestant.ts"
import { ours, peers, raw } from "../contestants/redis.ts"
import { Commands } from "../lib/commands.ts"
import { atLeast, atMost, check, type Context, forceGc, percent, type Report, short } from "../lib/scenario.ts"
import { quantile, random, Rounds, shuffled } from "../lib/stats.ts"

const concurrencies = [1, 16, 256]

interface Window {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
  readonly cycles: number
}

/** Cycles for so long, each checked to have been one entry and one exit. */
export const cycle = async (session: Session, workers: number, millis: number, prefix: string): Promise<Window> => {
  const latencies: Array<number> = []
  let entered = 0
  let left = 0
  let done = 0
  const start = performance.now()
  const end = start + millis
  const jobs = Array.from({ length: workers }, (_, i): Job => {
    let asked = 0
    let fence = 0
    let inside = false
    return {
      key: `${prefix}${i}`,
      sectionMillis: 0,
      again: () => performance.now() < end,
      ask: () => asked = performance.now(),
      enter: (fencingToken) => {
        check(!inside, "a section was entered twice")
        if (fencingToken !== undefined) check(fencingToken > fence, "a fencing token did not rise")
        fence = fencingToken ?? fence
        inside = true
        entered++
      },
      leave: () => {
        inside = false
        left++
      },
      done: () => {
        latencies.push(performance.now() - asked)
        done++
      }
    }
  })
  const cpu = process.cpuUsage()
  await session.work(jobs)
  const used = process.cpuUsage(cpu)
  const elapsed = performance.now() - start
  check(entered === left && left === done && done > 0, "entries, exits and cycles differ")
  return {
    rate: done / elapsed * 1000,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpu: (used.user + used.system) / done,
    cycles: done
  }
}

export const run = async ({ log, quick, redisPort, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const contestants = [raw, ours, ...peers]
  const millis = quick ? 300 : 700
  const rounds = quick ? 3 : 9
  const commands = await Commands.open(redisPort)
  const sessions = new Map<Contestant, Session>()
  for (const one of contestants) sessions.set(one, await one.open(redisPort))

  const results = new Map(concurrencies.map((concurrency) => [concurrency, new Rounds()]))
  for (const one of contestants) {
    for (const concurrency of concurrencies) await cycle(sessions.get(one)!, concurrency, millis, "warm-")
  }
  for (let round = 0; round < rounds; round++) {
    for (const concurrency of concurrencies) {
      for (const one of shuffled(contestants, next)) {
        forceGc()
        await commands.start()
        const { cycles, ...window } = await cycle(sessions.get(one)!, concurrency, millis, "key-")
        const sent = await commands.since(one.sends)
        check(await commands.size() === 0, `${one.name} left keys behind`)
        results.get(concurrency)!.add(one.name, { ...window, commands: sent / cycles })
      }
    }
    log(`round ${round + 1} of ${rounds}`)
  }
  for (const session of sessions.values()) await session.close()
  commands.close()

  const tables = concurrencies.map((concurrency) => {
    const own = results.get(concurrency)!
    return {
      title: `Redis, uncontended, ${concurrency} at a time`,
      columns: ["", "cycles/s", "spread", "of ioredis alone", "p50 ms", "p99 ms", "client CPU µs", "commands"],
      rows: contestants.map(({ name }) => [
        name,
        short(own.median(name, "rate")),
        percent(own.spread(name, "rate")),
        short(own.ratio(name, raw.name, "rate")),
        short(own.median(name, "p50")),
        short(own.median(name, "p99")),
        short(own.median(name, "cpu")),
        short(own.median(name, "commands"))
      ])
    }
  })
  const targets = { 1: 0.9, 16: 1.1, 256: 2 }
  const reach = Object.entries(targets).flatMap(([concurrency, target]) => {
    const own = results.get(Number(concurrency))!
    const bestPeer = Math.min(...peers.map(({ name }) => own.median(name, "cpu")))
    return [
      atLeast(
        `Redis, uncontended, ${concurrency} at a time: of ioredis alone`,
        own.ratio(ours.name, raw.name, "rate"),
        target
      ),
      atMost(`Redis, uncontended, ${concurrency} at a time: commands per cycle`, own.median(ours.name, "commands"), 2),
      atMost(
        `Redis, uncontended, ${concurrency} at a time: client CPU, of the best peer's`,
        own.median(ours.name, "cpu") / bestPeer,
        1
      )
    ]
  })
  return { tables, reach, data: Object.fromEntries([...results].map(([n, own]) => [n, own.toJSON()])) }
}
