/** A process with locks in a directory, for `scenarios/files.ts`. */
import type { Job, Session } from "./contestants/contestant.ts"
import { byName } from "./contestants/files.ts"
import { monotonic } from "./lib/monotonic.ts"
import { serve } from "./lib/processes.ts"
import { check, sleep } from "./lib/scenario.ts"

interface Common {
  readonly contestant: string
  readonly retryMillis?: number | undefined
  readonly directory: string
}

export type Order =
  & Common
  & (
    /** Workers each with one of the keys, until a moment. Answers with times: asked, entered, left, given back. */
    | {
      readonly do: "work"
      readonly keys: ReadonlyArray<string>
      readonly sectionMillis: number
      readonly startAt: number
      readonly endAt: number
    }
    /** Waits for all keys, which others hold, and answers with the part of a core that this takes. */
    | { readonly do: "wait"; readonly keys: ReadonlyArray<string>; readonly millis: number }
    /** Holds all keys until it is killed. */
    | { readonly do: "hold"; readonly keys: ReadonlyArray<string> }
    | { readonly do: "abandon"; readonly keys: ReadonlyArray<string> }
    /** Takes all keys that it can get at one moment, and answers with those it got. */
    | { readonly do: "takeOver"; readonly keys: ReadonlyArray<string>; readonly startAt: number }
  )

const sessions = new Map<string, Promise<Session>>()

const sessionOf = ({ contestant, directory, retryMillis }: Order): Promise<Session> => {
  const id = `${contestant} ${directory} ${retryMillis}`
  const session = sessions.get(id) ?? byName(contestant).open(directory, retryMillis)
  sessions.set(id, session)
  return session
}

const forever = (session: Session, keys: ReadonlyArray<string>, enter: () => void): void => {
  const job = (key: string): Job => ({
    key,
    sectionMillis: 1e9,
    again: () => true,
    ask: () => {},
    enter,
    leave: () => {},
    done: () => {}
  })
  void session.work(keys.map(job))
}

const work = async (order: Order): Promise<unknown> => {
  const { contestant, directory, keys } = order
  if (order.do === "abandon") {
    await byName(contestant).abandon!(directory, keys)
    return true
  }
  if (order.do === "takeOver") {
    while (monotonic() < order.startAt) { /* All at the same moment. */ }
    const got = await Promise.all(keys.map((key) => byName(contestant).attempt!(directory, key)))
    return keys.filter((_, i) => got[i])
  }
  const session = await sessionOf(order)
  if (order.do === "hold") {
    await new Promise<void>((resolve) => {
      let entered = 0
      forever(session, keys, () => {
        if (++entered === keys.length) resolve()
      })
    })
    return true
  }
  if (order.do === "wait") {
    forever(session, keys, () => check(false, `${contestant} let somebody in`))
    await sleep(1_500)
    const before = process.cpuUsage()
    await sleep(order.millis)
    const { system, user } = process.cpuUsage(before)
    return (user + system) / 1000 / order.millis
  }
  const { endAt, sectionMillis, startAt } = order
  const log: Array<number> = []
  const jobs = keys.map((key): Job => {
    let asked = 0
    let entered = 0
    let left = 0
    return {
      key,
      sectionMillis,
      again: () => monotonic() < endAt,
      ask: () => asked = monotonic(),
      enter: () => entered = monotonic(),
      leave: () => left = monotonic(),
      done: () => log.push(asked, entered, left, monotonic())
    }
  })
  await sleep(Math.max(0, startAt - monotonic()))
  await session.work(jobs)
  return Float64Array.from(log)
}

// Those who wait for ever end with who let them wait.
process.once("disconnect", () => process.exit())
serve(work)
