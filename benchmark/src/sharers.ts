/** A process full of workers that share a key, for `sharing`: does what it is told, and sends back what happened. */
import { byName, type Kind, type Session, type Sharing } from "./contestants/sharers.ts"
import { monotonic } from "./lib/monotonic.ts"
import { serve } from "./lib/processes.ts"
import { sleep } from "./lib/scenario.ts"
import { random } from "./lib/stats.ts"

export interface Order {
  readonly contestant: string
  readonly retryMillis: number | undefined
  readonly port: number
  readonly key: string
  readonly workers: number
  readonly sectionMillis: number
  /** Of the permits; without, they read. */
  readonly limit: number | undefined
  /** How many of a hundred uses write instead. */
  readonly writes: number
  readonly seed: number
  /** By the clock that processes share. */
  readonly startAt: number
  readonly endAt: number
}

/** Numbers of four: when a worker asked, entered and left, and whether it wrote. */
export type Log = Float64Array

const sessions = new Map<string, Session>()

const work = async (order: Order): Promise<Log> => {
  const { contestant, endAt, key, limit = 0, port, retryMillis, sectionMillis, seed, startAt, workers, writes } = order
  const id = `${contestant} ${retryMillis}`
  let session = sessions.get(id)
  if (session === undefined) sessions.set(id, session = await byName(contestant).open(port, retryMillis))
  const next = random(seed)
  const log: Array<number> = []
  const jobs = Array.from({ length: workers }, (): Sharing => {
    let [asked, entered, kind] = [0, 0, "permit" as Kind]
    return {
      key,
      limit,
      sectionMillis,
      again: () => monotonic() < endAt,
      kind: () => kind = limit > 0 ? "permit" : next() * 100 < writes ? "write" : "read",
      ask: () => {
        asked = monotonic()
      },
      enter: () => {
        entered = monotonic()
      },
      leave: () => {
        log.push(asked, entered, monotonic(), kind === "write" ? 1 : 0)
      },
      done: () => {}
    }
  })
  await sleep(Math.max(0, startAt - monotonic()))
  await session.work(jobs)
  return Float64Array.from(log)
}

serve(work)
