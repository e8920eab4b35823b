/** A process that takes and gives back locks that nobody else wants, for `uncontended`, `memcached` and `postgres`. */
import type { Contestant, Job, Session } from "./contestants/contestant.ts"
import * as Memcached from "./contestants/memcached.ts"
import * as Postgres from "./contestants/postgres.ts"
import * as Redis from "./contestants/redis.ts"
import { serve } from "./lib/processes.ts"
import { check } from "./lib/scenario.ts"
import { quantile } from "./lib/stats.ts"

export interface Order {
  readonly server: "redis" | "memcached" | "postgres"
  readonly contestant: string
  readonly port: number
  readonly workers: number
  readonly millis: number
  /** Whether each cycle is about a key that nobody has used before. */
  readonly fresh?: boolean | undefined
}

let keys = 0

export interface Window {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  /** Microseconds for a cycle. */
  readonly cpu: number
  readonly cycles: number
}

/** Cycles for so long, each checked to have been one entry and one exit. */
const cycle = async (session: Session, { fresh, millis, workers }: Order): Promise<Window> => {
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
      key: `key-${i}`,
      newKey: fresh === true ? () => `new-${++keys}` : undefined,
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

let session: Session | undefined

serve(async (order: Order) => {
  const { contestant, port, server } = order
  const find = (): Contestant =>
    server === "redis"
      ? Redis.byName(contestant)
      : server === "postgres"
      ? Postgres.byName(contestant)
      : contestant === Memcached.raw.name
      ? Memcached.raw
      : Memcached.ours
  session ??= await find().open(port)
  return cycle(session, order)
})
