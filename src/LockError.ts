/**
 * Everything that can go wrong with a lock, as one error.
 *
 * A {@link LockError} carries a `reason` that says which of four things
 * happened: somebody else had the lock for too long ({@link LockTimeout}), we
 * had it and lost it ({@link LockLost}), the backend could not answer
 * ({@link BackendFailure}), or the call itself was wrong
 * ({@link InvalidOptions}). Handle one with `Effect.catchReason`, several with
 * `Effect.catchReasons`. All of them are schemas, so they travel.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.succeed("done").pipe(
 *   Lock.withLock("report", { timeout: 0 }),
 *   Effect.catchReason("LockError", "LockTimeout", (reason) => Effect.succeed(`busy: ${reason.key}`)),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => "done"
 * ```
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * Who holds a lock, as far as the backend can tell.
 *
 * - `token`: the holder's token, which is what the backend stores
 * - `owner`: the process behind the token (process id and a random part),
 *   unless the token was written by something else than this library
 * - `since`: when the holder asked for the lock, by the holder's wall clock
 * - `remaining`: how long the lease lasts if nobody renews it
 * - `waiters`: how many processes queue for it, where the backend keeps a queue
 *
 * **Example** (Saying who is in the way)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock, LockError } from "effect-lock"
 *
 * const program = Lock.inspect("key").pipe(
 *   Effect.map(Option.map((holder) => holder instanceof LockError.Holder)),
 *   Lock.withLock("key"),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => Option.some(true)
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Holder extends Schema.Class<Holder>("effect-lock/Holder")({
  token: Schema.String,
  owner: Schema.optional(Schema.String),
  since: Schema.optional(Schema.DateTimeUtcFromMillis),
  remaining: Schema.optional(Schema.DurationFromMillis),
  waiters: Schema.optional(Schema.Finite)
}) {}

const describe = ({ owner, remaining, since, token }: Holder): string => {
  const from = since === undefined ? "" : ` since ${DateTime.formatIso(since)}`
  const rest = remaining === undefined ? "" : ` (lease ends in ${Duration.format(remaining)})`
  return (owner ?? token) + from + rest
}

/**
 * The lock stayed with another holder until `timeout` had passed.
 *
 * **Details**
 *
 * `waited` is the wall time spent, the local queue included. `holder` is who
 * had it at the last look, where the backend could say. `Lock.once` with
 * `failIfLocked` fails with this reason too, after waiting for its `timeout`
 * (none, unless told otherwise).
 *
 * @category errors
 * @since 0.1.0
 */
export class LockTimeout extends Schema.TaggedError<LockTimeout>()("LockTimeout", {
  key: Schema.String,
  timeout: Schema.DurationFromMillis,
  waited: Schema.DurationFromMillis,
  holder: Schema.optional(Holder)
}) {
  override get message(): string {
    const waited = Duration.toMillis(this.waited) === 0 ? "" : ` after waiting ${Duration.format(this.waited)}`
    return `Lock "${this.key}" was not acquired${waited}: it is held by ${
      this.holder === undefined ? "another" : describe(this.holder)
    }`
  }
}

const ends = {
  Expired: "its lease ended and no renewal got through",
  Taken: "the backend no longer knows us as its holder",
  Closed: "its backend was closed",
  Released: "it had been released"
}

/**
 * The lease ended before the work did, so the work was interrupted.
 *
 * **Details**
 *
 * `why` is `"Expired"` when the deadline passed without a renewal getting
 * through (or with renewal switched off), `"Taken"` when the backend said that
 * the key is no longer ours (deleted, flushed, evicted, taken by force),
 * `"Closed"` when the layer of the backend was closed under the holder. `held` is
 * how long we had it. `"Released"` answers an extension of a lease that was
 * given back. Work protected by a lost lock may have overlapped with
 * the next holder from that moment on; fencing tokens are what stops its late
 * writes.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockLost extends Schema.TaggedError<LockLost>()("LockLost", {
  key: Schema.String,
  why: Schema.Literals(["Expired", "Taken", "Closed", "Released"]),
  held: Schema.DurationFromMillis
}) {
  override get message(): string {
    return `Lock "${this.key}" was lost after ${Duration.format(this.held)}: ${ends[this.why]}`
  }
}

/**
 * What kind of trouble a backend is in, the same words for every backend.
 *
 * - `Unreachable`: no connection, or it broke
 * - `NoReply`: connected, but no answer in time
 * - `Loading`: the server is starting and not serving yet
 * - `ReadOnly`: the server takes no writes (a replica, after a failover)
 * - `OutOfMemory`: the server refused to store the lock
 * - `WrongType`: something that is no lock lives at the key
 * - `Unauthorized`: credentials or permissions are missing
 * - `Cluster`: the cluster is moving or down
 * - `Unsupported`: the server lacks something the protocol needs
 * - `Closed`: the backend's layer has been closed
 * - `Unknown`: anything else; see `cause`
 *
 * @category models
 * @since 0.1.0
 */
export const FailureKind = Schema.Literals([
  "Unreachable",
  "NoReply",
  "Loading",
  "ReadOnly",
  "OutOfMemory",
  "WrongType",
  "Unauthorized",
  "Cluster",
  "Unsupported",
  "Closed",
  "Unknown"
])

/**
 * The type of {@link FailureKind}.
 *
 * @category models
 * @since 0.1.0
 */
export type FailureKind = typeof FailureKind.Type

/**
 * The backend could not answer, so nobody knows whether the lock is free. It
 * never counts as acquired.
 *
 * **Details**
 *
 * `retryable` failures (a broken connection, a server that is loading) are
 * tried again for as long as the lock's own `timeout` lasts, and only then come
 * out; the others come out at once. `operation` is the store operation that
 * failed, `cause` what the client library said.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendFailure extends Schema.TaggedError<BackendFailure>()("BackendFailure", {
  backend: Schema.String,
  operation: Schema.String,
  kind: FailureKind,
  retryable: Schema.Boolean,
  key: Schema.optional(Schema.String),
  description: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    const key = this.key === undefined ? "" : ` of lock "${this.key}"`
    const detail = this.description ?? (this.cause instanceof Error ? this.cause.message : undefined)
    return `${this.backend} could not ${this.operation}${key} (${this.kind})${
      detail === undefined ? "" : `: ${detail}`
    }`
  }
}

/**
 * An option, a key or a configuration value is not usable. Nothing was sent to
 * the backend.
 *
 * **Details**
 *
 * `option` names the culprit, `value` shows what was given, `expected` says
 * what would be right.
 *
 * **Example** (A key that is none)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.void.pipe(
 *   Lock.withLock(""),
 *   Effect.catchReason("LockError", "InvalidOptions", (reason) => Effect.succeed([reason.option, reason.value])),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => ["key", '""']
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", {
  option: Schema.String,
  value: Schema.String,
  expected: Schema.String
}) {
  override get message(): string {
    return `Invalid lock option "${this.option}": got ${this.value}, expected ${this.expected}`
  }
}

/**
 * The four reasons a {@link LockError} can have.
 *
 * @category errors
 * @since 0.1.0
 */
export type LockErrorReason = LockTimeout | LockLost | BackendFailure | InvalidOptions

/**
 * The schema of {@link LockErrorReason}.
 *
 * @category errors
 * @since 0.1.0
 */
export const LockErrorReason: Schema.Union<[
  typeof LockTimeout,
  typeof LockLost,
  typeof BackendFailure,
  typeof InvalidOptions
]> = Schema.Union([LockTimeout, LockLost, BackendFailure, InvalidOptions])

/**
 * The one error of this library. Its `reason` says what happened.
 *
 * **Example** (Telling busy from broken)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const charge = Effect.succeed("charged").pipe(
 *   Lock.withLock("order-1"),
 *   Effect.catchReasons("LockError", {
 *     LockTimeout: () => Effect.succeed("busy, try later"),
 *     BackendFailure: () => Effect.succeed("lock service is down")
 *   }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(charge) // => "charged"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class LockError extends Schema.TaggedError<LockError>()("LockError", { reason: LockErrorReason }) {
  override get message(): string {
    return this.reason.message
  }
  override get cause(): unknown {
    return "cause" in this.reason ? this.reason.cause : undefined
  }
}

/**
 * Whether a value is a {@link LockError}.
 *
 * **Example** (Telling it from other errors)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock, LockError } from "effect-lock"
 *
 * const program = Effect.fail("of the work").pipe(
 *   Lock.withLock("key"),
 *   Effect.flip,
 *   Effect.map(LockError.isLockError),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isLockError = (u: unknown): u is LockError => u instanceof LockError
