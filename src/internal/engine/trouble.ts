/** Whether a backend answers: logged once when it stops, and once when it answers again, not for every lock. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { LockConfig } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Operation } from "./call.ts"
import { isRefusal } from "./failures.ts"
import type { Journal } from "./journal.ts"

/** Logs a line about the backend or one of its keys. */
export type Log = (line: Effect.Effect<void>, key?: string) => void

export const makeLog = (backend: string, context: Context.Context<never>): Log => {
  const fork = Effect.runForkWith(context)
  const annotations = { "lock.backend": backend, "lock.owner": Context.get(context, LockConfig).owner }
  return (line, key) =>
    void fork(Effect.annotateLogs(line, key === undefined ? annotations : { ...annotations, "lock.key": key }))
}

export class Trouble {
  private readonly backend: string
  private readonly journal: Journal
  private readonly log: Log
  /** The number of failures so far. */
  failures = 0
  /** When the trouble began; undefined if there is none. */
  private since: number | undefined = undefined
  /** The backend is full: only an acquired lock shows that this is over. */
  private isFull = false

  constructor(backend: string, journal: Journal, log: Log) {
    this.backend = backend
    this.journal = journal
    this.log = log
  }

  get isThere(): boolean {
    return this.since !== undefined
  }

  begin(failure: BackendFailure, at: number): void {
    this.failures++
    if (this.isThere) return
    this.since = at
    this.isFull = failure.kind === "OutOfMemory" && failure.operation === "acquire"
    this.journal.down(failure)
    this.log(Effect.logWarning(
      `The ${this.backend} lock backend is in trouble: leases are kept until their deadline, waiters wait on, ` +
        "and what has to be released is released later",
      failure
    ))
  }

  answered(operation: Operation, reply: unknown, at: number): void {
    if (!this.isFull || (operation === "acquire" && !isRefusal(reply))) this.end(at)
  }

  end(at: number): void {
    const { since } = this
    if (since === undefined) return
    this.since = undefined
    this.journal.up(at - since)
    const seconds = ((at - since) / 1000).toFixed(1)
    this.log(Effect.logInfo(`The ${this.backend} lock backend answers again, after ${seconds} seconds`))
  }
}
