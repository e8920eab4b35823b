/** A process full of waiters, for `contended`, `memcached` and `postgres`: does what it is told, and sends back what happened. */
import { type Job, type Session } from "./contestants/contestant.ts"
import * as Memcached from "./contestants/memcached.ts"
import * as Postgres from "./contestants/postgres.ts"
import * as Redis from "./contestants/redis.ts"
import { monotonic } from "./lib/monotonic.ts"
import { serve } from "./lib/processes.ts"
import { check, sleep } from "./lib/scenario.ts"

export interface Order {
  /** Default: Redis. */
  readonly server?: "postgres" | "memcached" | undefined
  readonly contestant: string
  readonly retryMillis: number | undefined
  readonly port: number
  readonly key: string
  readonly waiters: number
  readonly sectionMillis: number
  /** By the clock that processes share. */
  readonly startAt: number
  readonly endAt: number
}

/** Numbers of four: when the waiter asked, entered and left, and its fencing token; one list for each waiter. */
export type Log = ReadonlyArray<Float64Array>

const sessions = new Map<string, Session>()

const work = async (order: Order): Promise<Log> => {
  const { contestant, endAt, key, port, retryMillis, sectionMillis, server, startAt, waiters } = order
  const { byName } = server === undefined ? Redis : server === "postgres" ? Postgres : Memcached
  const id = `${contestant} ${retryMillis}`
  let session = sessions.get(id)
  if (session === undefined) sessions.set(id, session = await byName(contestant).open(port, retryMillis))
  const logs = Array.from({ length: waiters }, (): Array<number> => [])
  let inside = 0
  const jobs = logs.map((log): Job => {
    let asked = NaN
    let entered = 0
    let fence = NaN
    return {
      key,
      sectionMillis,
      again: () => monotonic() < endAt,
      ask: () => {
        if (Number.isNaN(asked)) asked = monotonic()
      },
      enter: (fencingToken = NaN) => {
        entered = monotonic()
        check(++inside === 1, `${contestant} let two in`)
        fence = fencingToken
      },
      leave: () => {
        inside--
        log.push(asked, entered, monotonic(), fence)
        asked = NaN
      },
      done: () => {}
    }
  })
  await sleep(Math.max(0, startAt - monotonic()))
  await session.work(jobs)
  return logs.map((log) => Float64Array.from(log))
}

serve(work)
