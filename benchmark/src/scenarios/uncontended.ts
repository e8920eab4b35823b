/** Locks that nobody else wants: each worker has a key of its own and takes it again and again. */
import { ours, peers, raw } from "../contestants/redis.ts"
import type { Order, Window } from "../cycler.ts"
import { Commands } from "../lib/commands.ts"
import { Processes } from "../lib/processes.ts"
import { atLeast, atMost, check, type Context, percent, type Report, short } from "../lib/scenario.ts"
import { random, Rounds, shuffled } from "../lib/stats.ts"

/** What is wanted of the rate of the client alone. */
const targets: Readonly<Record<number, number>> = { 1: 0.9, 16: 1.1, 256: 2 }

export const run = async ({ log, part, quick, redisPort, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const concurrency = Number(part)
  const contestants = [raw, ours, ...peers]
  const millis = quick ? 150 : 300
  const rounds = quick ? 4 : 20
  const commands = await Commands.open(redisPort)
  const processes = new Processes<Order, Window>("cycler")
  const cycle = (contestant: string, millis: number): Promise<Window> =>
    processes.ask(contestant, { server: "redis", contestant, port: redisPort, workers: concurrency, millis })

  const own = new Rounds()
  for (const one of contestants) {
    const slow = one.name === "effect-distributed-lock"
    await cycle(one.name, slow ? 100 : 700)
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of shuffled(contestants, next)) {
      // Far slower than the others, it says enough in a few rounds.
      if (one.name === "effect-distributed-lock" && round % 5 > 0) continue
      await commands.start()
      const { cycles, ...window } = await cycle(one.name, millis)
      const sent = await commands.since(one.sends)
      check(await commands.size() === 0, `${one.name} left keys behind`)
      own.add(one.name, { ...window, commands: sent / cycles })
    }
    log(`round ${round + 1} of ${rounds}`)
  }
  processes.close()
  commands.close()

  const title = `Redis, uncontended, ${concurrency} at a time`
  const cpu = Math.max(...peers.map(({ name }) => own.ratio(ours.name, name, "cpu")))
  return {
    tables: [{
      title,
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
    }],
    reach: [
      atLeast(`${title}: of ioredis alone`, own.ratio(ours.name, raw.name, "rate"), targets[concurrency]),
      atMost(`${title}: commands per cycle`, own.median(ours.name, "commands"), 2),
      atMost(`${title}: client CPU, of the best peer's`, cpu, 1)
    ],
    data: own.toJSON()
  }
}
