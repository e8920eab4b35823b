/** Whether a backend answers: logged once when it stops, and once when it answers again, not for every lock. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constTrue, constUndefined } from "effect/Function"
import { LockConfig } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Journal } from "./journal.ts"

/** Logs a line about the backend or one of its keys. */
export type Log = (line: Effect.Effect<void>, key?: string) => void

export const makeLog = (backend: string, context: Context.Context<never>): Log => {
  const fork = Effect.runForkWith(context)
  const annotations = { "lock.backend": backend, "lock.owner": Context.get(context, LockConfig).owner }
  return (line, key) =>
    void fork(Effect.annotateLogs(line, key === undefined ? annotations : { ...annotations, "lock.key": key }))
}

const isAcquired = (reply: unknown): boolean =>
  typeof reply === "object" && reply !== null && (reply as { readonly _tag?: unknown })._tag === "Acquired"

const isWritten = (reply: unknown): boolean =>
  reply === true || isAcquired(reply) || (Array.isArray(reply) && reply.includes(true))

/**
 * The answers that show that the trouble is over: a store that refuses to write, or has no room for a lock, goes on
 * answering everything else.
 */
const overBy = ({ kind, operation }: BackendFailure): (reply: unknown) => boolean => {
  if (kind === "OutOfMemory" && operation === "acquire") return isAcquired
  return kind === "ReadOnly" && operation !== "inspect" && operation !== "list" ? isWritten : constTrue
}

interface Down {
  readonly isOver: (reply: unknown) => boolean
  /** The key of which it failed to say something. */
  readonly key: string | undefined
  failedAt: number
}

/** Whoever asks a server that is down does so more often. One that nobody asks is not waited for while others answer. */
const unaskedMillis = 30_000

export class Trouble {
  private readonly backend: string
  private readonly journal: Journal
  private readonly log: Log
  /** The number of failures so far. */
  failures = 0
  /** When the trouble began. */
  private since = 0
  private readonly serverOf: (key: string) => unknown
  /** The servers that are in trouble; without a name, all of them, or the one that there is. */
  private readonly servers = new Map<unknown, Down>()

  constructor(backend: string, journal: Journal, log: Log, serverOf: (key: string) => unknown = constUndefined) {
    this.backend = backend
    this.journal = journal
    this.log = log
    this.serverOf = serverOf
  }

  get isThere(): boolean {
    return this.servers.size > 0
  }

  begin(failure: BackendFailure, at: number): void {
    this.failures++
    const { isThere } = this
    const { key } = failure
    const server = key === undefined ? undefined : this.serverOf(key)
    const down = this.servers.get(server)
    if (down === undefined) this.servers.set(server, { isOver: overBy(failure), key, failedAt: at })
    else down.failedAt = at
    if (isThere) return
    this.since = at
    this.journal.down(failure)
    this.log(Effect.logWarning(
      `The ${this.backend} lock backend is in trouble: leases are kept until their deadline, waiters wait on, ` +
        "and what has to be released is released later",
      failure
    ))
  }

  answered(key: string, reply: unknown, at: number): void {
    const server = this.serverOf(key)
    const over = Array.from(this.servers).filter(([name, down]) =>
      name === undefined || name === server
        ? down.isOver(reply)
        // It is not asked any more, or what it had has moved.
        : at - down.failedAt > unaskedMillis || (down.key !== undefined && this.serverOf(down.key) !== name)
    )
    if (over.length === this.servers.size) this.end(at)
    else for (const [name] of over) this.servers.delete(name)
  }

  end(at: number): void {
    if (!this.isThere) return
    this.servers.clear()
    const { since } = this
    this.journal.up(at - since)
    const seconds = ((at - since) / 1000).toFixed(1)
    this.log(Effect.logInfo(`The ${this.backend} lock backend answers again, after ${seconds} seconds`))
  }
}
