/**
 * Reads and writes of a key's record: each call to the cache has a time limit, and each write is
 * read back.
 */
import * as EffectCause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { BackendFailure } from "../../LockError.ts"
import * as Cause from "../cause.ts"
import type { Cache } from "./cache.ts"
import * as Entry from "./entry.ts"
import * as Failure from "./failure.ts"

/** A call to the cache that takes longer is a failure. It cannot be cancelled, so it goes on. */
const patience = Duration.seconds(1)

/** The calls of an operation: reading, writing and reading back. */
export const longest = Duration.times(patience, 3)

/** A key, and what is done to it. */
interface Target {
  readonly operation: string
  readonly key: string
  /** Where its record is. */
  readonly name: string
}

export class Record<E> {
  private readonly cache: Cache<E>
  private readonly ends: Entry.Ends
  private readonly target: Target
  /** Called when a write or a removal that timed out has been executed. */
  private readonly whenLate: () => void

  constructor(cache: Cache<E>, ends: Entry.Ends, target: Target, whenLate: () => void) {
    this.cache = cache
    this.ends = ends
    this.target = target
    this.whenLate = whenLate
  }

  get read(): Effect.Effect<Entry.Entry | undefined, BackendFailure> {
    return Effect.flatMap(
      this.call("get", () => this.cache.get(this.target.name)),
      (value): Effect.Effect<Entry.Entry | undefined, BackendFailure> => {
        if (value === undefined || value === null) return Effect.undefined
        const entry = Entry.decode(value)
        return Option.isSome(entry) ? Effect.succeed(entry.value) : this.foreign(value)
      }
    )
  }

  /** The record, if it still counts. */
  get live(): Effect.Effect<Entry.Entry | undefined, BackendFailure> {
    return Effect.map(this.read, (entry) => this.remaining(entry) === undefined ? undefined : entry)
  }

  /** How long it counts, or undefined if it is over. */
  remaining(entry: Entry.Entry | undefined): number | undefined {
    return entry && this.ends.remaining(this.target.name, entry)
  }

  /** `ttlMillis` is for caches that expire values. */
  put(entry: Entry.Entry, ttlMillis: number): Effect.Effect<unknown, BackendFailure> {
    return this.call("set", () => this.cache.set(this.target.name, Entry.encode(entry), ttlMillis))
  }

  /** Writes a record, and reads it back: the last of several writers has the lock. */
  write(entry: Entry.Entry, ttlMillis: number): Effect.Effect<Entry.Entry, BackendFailure> {
    return Effect.flatMap(Effect.andThen(this.put(entry, ttlMillis), this.read), (after) => {
      if (after !== undefined) {
        if (Entry.isSame(after, entry)) return Effect.succeed(after)
        if (after.token !== entry.token && this.remaining(after) !== undefined) return Effect.succeed(after)
      }
      return this.unchanged(`what was written to "${this.target.name}" is not there`)
    })
  }

  get remove(): Effect.Effect<unknown, BackendFailure> {
    return this.call("delete", () => this.cache.delete(this.target.name))
  }

  /** Removes the record of a token. */
  removeOf(token: string): Effect.Effect<void, BackendFailure> {
    // If reading back fails, the removal does not count as failed.
    return Effect.flatMap(
      Effect.andThen(this.remove, Effect.orElseSucceed(this.read, () => undefined)),
      (after) =>
        after?.token === token
          ? this.unchanged(`what was removed from "${this.target.name}" is still there`)
          : Effect.void
    )
  }

  /** A call that completes after its timeout is reported. */
  private call<A>(method: keyof Cache<E>, f: () => Effect.Effect<A, E>): Effect.Effect<A, BackendFailure> {
    return Effect.flatMap(
      Effect.forkDetach(Effect.suspend(f), { startImmediately: true }),
      (running) =>
        Effect.timeoutOrElse(
          Effect.catch(running.pollUnsafe() ?? Fiber.join(running), (error) => this.unknown(error)),
          {
            duration: patience,
            orElse: () =>
              Effect.suspend(() => {
                if (method !== "get") running.addObserver(this.whenLate)
                return this.failure("NoReply", `no reply to "${method}" within 1 second`)
              })
          }
        )
    )
  }

  private failure(
    kind: BackendFailure["kind"],
    description: string | undefined,
    more: { readonly retryable?: boolean; readonly cause?: unknown } = {}
  ): Effect.Effect<never, BackendFailure> {
    const { key, operation } = this.target
    return Effect.fail(Failure.make({ operation, key, kind, retryable: true, description, ...more }))
  }

  private unknown(error: E) {
    const cause = EffectCause.isUnknownError(error) ? error.cause : error
    const description = cause instanceof Error ? Cause.messageOf(cause) : undefined
    return this.failure("Unknown", description, { cause: Cause.rebuild(cause) })
  }

  /** The cache says that a write or a removal was done. */
  private unchanged(what: string) {
    return this.failure(
      "Unknown",
      `${what}; locks need a store that keeps a value for as long as it is told to, and reads what was written last`
    )
  }

  private foreign(value: string) {
    // A file is empty for a moment while it is written.
    const isTorn = value === ""
    return this.failure(
      "WrongType",
      `${isTorn ? "an empty value" : "something that is no lock"} is stored as "${this.target.name}"; ` +
        `remove it${isTorn ? " if it stays" : ""}`,
      { retryable: isTorn }
    )
  }
}
