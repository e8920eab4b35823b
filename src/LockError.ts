/**
 * Everything that can go wrong with a lock, as one error.
 *
 * The `reason` of a {@link LockError} says what happened: somebody else held the lock for too long
 * ({@link LockTimeout}), the caller held it and lost it ({@link LockLost}), the caller holds it and
 * would wait for itself ({@link LockReentered}), the backend could not answer
 * ({@link BackendFailure}), or the call itself was wrong ({@link InvalidOptions}). Handle one reason with
 * `Effect.catchReason`, several with `Effect.catchReasons`. All of them are schemas, so they can be
 * sent elsewhere.
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
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { rememberLast } from "./internal/last.ts"
import * as Made from "./internal/made.ts"
import * as Token from "./internal/token.ts"

/**
 * Who holds a lock, as far as the backend can tell.
 *
 * Its JSON, and so what logs show, has the time in ISO 8601, `remainingMillis`, and just enough of
 * the token to tell holders apart, since whoever has a token can release its lock. Add the whole
 * token where you want it: `{ ...holder.toJSON(), token: holder.token }`. To send a holder and get
 * one back, encode it with its schema.
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
  /** The holder's token, which is what the backend stores. */
  token: Schema.String,
  /**
   * The name of the process behind the token (see `LockConfig`; by default host name and process
   * id); absent if the token was not written by this library.
   */
  owner: Schema.optional(Schema.String),
  /** When the holder asked for the lock, by the holder's wall clock; absent when `owner` is. */
  since: Schema.optional(Schema.DateTimeUtcFromMillis),
  /** How long the lease lasts unless it is renewed; absent if the backend does not know. */
  remaining: Schema.optional(Schema.DurationFromMillis),
  /**
   * How many processes queue for the lock, or in memory how many calls; absent if the backend does
   * not know.
   */
  waiters: Schema.optional(Schema.Finite),
  /** How many permits it holds of a shared key; absent if it holds the key exclusively. */
  permits: Schema.optional(Schema.Finite)
}) {
  /** For logs and people: plain times, and the token shortened. */
  toJSON(): {
    /** The name of the process behind the token. */
    readonly owner?: string
    /** When the holder asked for the lock, in ISO 8601. */
    readonly since?: string
    /** How long the lease lasts unless it is renewed. */
    readonly remainingMillis?: number
    /** How many processes queue for the lock. */
    readonly waiters?: number
    /** How many permits it holds of a shared key. */
    readonly permits?: number
    /** The beginning of the token, which tells holders apart. */
    readonly token: string
  } {
    const { owner, permits, remaining, since, token, waiters } = this
    return {
      ...(owner !== undefined && { owner }),
      ...(since !== undefined && { since: DateTime.formatIso(since) }),
      ...(remaining !== undefined && Duration.isFinite(remaining) && { remainingMillis: Duration.toMillis(remaining) }),
      ...(waiters !== undefined && { waiters }),
      ...(permits !== undefined && { permits }),
      token: Token.shorten(token)
    }
  }

  /** As in JSON. */
  override toString(): string {
    return `Holder(${JSON.stringify(this)})`
  }

  /** As in JSON. */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

// The message is an own property of each error: `postMessage` and JSON lose a getter of the prototype.

const iso = /* #__PURE__ */ rememberLast(DateTime.formatIso)

/** `Duration.format` writes zero without a unit. */
const format = (duration: Duration.Duration): string => Duration.isZero(duration) ? "0ms" : Duration.format(duration)

/** Rounded up to seconds from one second on, so that the text can often be used again. */
const lasting = /* #__PURE__ */ rememberLast((millis: number) => format(Duration.millis(millis)))

const toSeconds = (remaining: Duration.Duration): number => {
  const millis = Duration.toMillis(remaining)
  return millis < 1000 ? millis : Math.ceil(millis / 1000) * 1000
}

const describe = ({ owner, remaining, since, token }: Holder): string => {
  const from = since === undefined ? "" : ` since ${iso(since)}`
  const rest = remaining === undefined ? "" : ` (lease ends in ${lasting(toSeconds(remaining))})`
  return (owner ?? Token.shorten(token)) + from + rest
}

const timedOut = ({ byCaller, holder, key, waited }: LockTimeout): string => {
  const after = Duration.toMillis(waited) === 0 ? "" : ` after waiting ${Duration.format(waited)}`
  const whose = byCaller === true ? "the work around the call" : "another"
  const who = holder === undefined ? whose : (byCaller === true ? `${whose}, ` : "") + describe(holder)
  return `Lock "${key}" was not acquired${after}: it is held by ${who}`
}

/** In milliseconds; infinity is a string, since JSON has no number for it. */
const DurationOrInfinity = Schema.Union([Schema.Finite, Schema.Literal("Infinity")]).pipe(
  Schema.decodeTo(Schema.Duration, {
    decode: SchemaGetter.transform((encoded) => Duration.millis(encoded === "Infinity" ? Infinity : encoded)),
    encode: SchemaGetter.transform((duration) => {
      const millis = Duration.toMillis(duration)
      return millis === Infinity ? "Infinity" : millis
    })
  })
)

/**
 * Another holder had the lock until the `timeout` had passed.
 *
 * **Details**
 *
 * `Lock.once` with `failIfLocked` fails with this reason too, after waiting for its `timeout` (by
 * default zero).
 *
 * @category errors
 * @since 0.1.0
 */
export class LockTimeout extends Schema.TaggedError<LockTimeout>()("LockTimeout", {
  /** The key as the backend sees it, with the configured prefix. */
  key: Schema.String,
  /** How long the call would have waited: its `timeout`, or the current default. */
  timeout: DurationOrInfinity,
  /**
   * How long it did wait, the queue in this process included. Less than `timeout` if a `retry`
   * schedule gave up early.
   */
  waited: Schema.DurationFromMillis,
  /** Who held the lock when it was last checked; absent if the backend could not say. */
  holder: Schema.optional(Holder),
  /** Set if the work around the call holds the lock itself. */
  byCaller: Schema.optional(Schema.Boolean)
}) {
  /** Which lock it was, how long it was waited for, and who has it. */
  override readonly message: string = timedOut(this)
}

/**
 * The kinds of failure, the same for every backend.
 *
 * - `Unreachable`: no connection, or it broke
 * - `NoReply`: connected, but no answer in time
 * - `Loading`: the server is starting and does not serve requests yet
 * - `ReadOnly`: the server accepts no writes (a replica, after a failover)
 * - `OutOfMemory`: the server refused to store the lock
 * - `WrongType`: the key holds something that is not a lock
 * - `Unauthorized`: credentials or permissions are missing
 * - `Cluster`: the cluster is down or moving slots
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

const failed = ({ backend, cause, description, key, kind, operation }: BackendFailure): string => {
  const what = key === undefined ? operation : `${operation} lock "${key}"`
  const detail = description ?? (cause instanceof Error ? cause.message : undefined)
  return `${backend} could not ${what} (${kind})${detail === undefined ? "" : `: ${detail}`}`
}

/**
 * The backend could not answer, so it is not known whether the lock is free. It never counts as
 * acquired.
 *
 * **Details**
 *
 * A lock call fails with it when its `timeout` is over, or at once if a retry is of no use.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendFailure extends Schema.TaggedError<BackendFailure>()("BackendFailure", {
  /** The name of the backend, such as `"redis"`. */
  backend: Schema.String,
  /**
   * The operation that failed, such as `"acquire"`, `"extend"`, `"release"`, `"inspect"` or
   * `"connect"`.
   */
  operation: Schema.String,
  /** The kind of failure. */
  kind: FailureKind,
  /**
   * Whether it may work later (a broken connection, a server that is loading). It is then retried
   * until the `timeout` of the lock is over.
   */
  retryable: Schema.Boolean,
  /** The key as the backend sees it; absent if the failure is not about a single key. */
  key: Schema.optional(Schema.String),
  /** What happened, and what may help, as text; absent if the `cause` says it all. */
  description: Schema.optional(Schema.String),
  /** The error of the client library, if there is one. */
  cause: Schema.optional(Schema.Defect())
}) {
  /** Which backend could not do what, and why. */
  override readonly message: string = failed(this)
  /** Marks the error, whichever copy of this package made it. */
  get [Made.BackendFailure](): typeof Made.BackendFailure {
    return Made.BackendFailure
  }
}

const ends = {
  Expired: "its lease ended and no renewal got through",
  Taken: "the backend no longer knows us as its holder",
  Closed: "its backend was closed",
  Released: "it had been released"
}

const lost = ({ failure, held, key, why }: LockLost): string =>
  `Lock "${key}" was lost after ${format(held)}: ${ends[why]}${
    failure === undefined ? "" : ` (the last one failed: ${failure.message})`
  }`

/**
 * The lease ended before the work did, and the work was interrupted.
 *
 * **Details**
 *
 * From that moment on the work may have overlapped with that of the next holder; fencing tokens
 * stop its late writes.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockLost extends Schema.TaggedError<LockLost>()("LockLost", {
  /** The key as the backend sees it, with the configured prefix. */
  key: Schema.String,
  /**
   * How it ended.
   *
   * - `Expired`: the deadline passed without a renewal getting through, or with
   *   renewal switched off
   * - `Taken`: the backend said that the lease no longer holds the key (deleted, flushed, evicted,
   *   released by force)
   * - `Closed`: the layer of the backend was closed while the lock was held
   * - `Released`: the lease was to be extended after it had been released
   */
  why: Schema.Literals(["Expired", "Taken", "Closed", "Released"]),
  /** How long the lock was held, in whole milliseconds. */
  held: Schema.DurationFromMillis,
  /** The failure of the last renewal, if that is why the lease `Expired`. */
  failure: Schema.optional(BackendFailure)
}) {
  /** Which lock it was, how long it was held, and why it ended. */
  override readonly message: string = lost(this)
}

/**
 * An option, a key or a configuration value is invalid. Nothing was sent to the backend.
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
  /** The name of what is invalid: an option, `"key"`, or an environment variable. */
  option: Schema.String,
  /** What was given, as text for people; if it may contain a password, only what is wrong with it. */
  value: Schema.String,
  /** What would be right, as text for people. */
  expected: Schema.String
}) {
  /** Which option it is, what was given, and what would be right. */
  override readonly message: string =
    `Invalid lock option "${this.option}": got ${this.value}, expected ${this.expected}`
}

/**
 * The work would have waited for a lock that it holds itself. Since that could never end, the call
 * failed at once; nothing was sent to the backend.
 *
 * **Details**
 *
 * With `reenter: true`, `Lock.withLock` and its like run the inner work under the lease that is
 * already held, if that gives all that the inner work wants: a shared lease is not exclusive, and
 * has only so many permits.
 *
 * Children of the work (`Effect.forkChild`) fail with it, too, since they end with the work. For
 * effects that `Effect.timeout`, `Effect.race` and `Effect.all` run, and for detached ones, it is
 * not known whether the work waits for them: they wait, and their `LockTimeout` says `byCaller`.
 *
 * **Example** (A lock inside itself)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const inner = Effect.succeed("done").pipe(
 *   Lock.withLock("key"),
 *   Effect.catchReason("LockError", "LockReentered", (reason) => Effect.succeed(`have ${reason.key} already`))
 * )
 *
 * await Effect.runPromise(inner.pipe(Lock.withLock("key"), Effect.provide(InMemoryBackend.layer)))
 * // => "have key already"
 * ```
 *
 * @category errors
 * @since 0.2.0
 */
export class LockReentered extends Schema.TaggedError<LockReentered>()("LockReentered", {
  /** The key as the backend sees it, with the configured prefix. */
  key: Schema.String,
  /** How the work holds it: exclusively (`"alone"`) or shared. */
  held: Schema.Literals(["alone", "shared"]),
  /** How it asked for it, likewise. */
  wanted: Schema.Literals(["alone", "shared"])
}) {
  /** Which lock it is, and what can be done. */
  override readonly message: string =
    `Lock "${this.key}" is held (${this.held}) by the work that asks for it (${this.wanted}), which would wait for ` +
    (this.held === "shared" && this.wanted === "alone"
      ? "itself; who shares a lock gives it back before having it alone"
      : `itself; \`Lock.withLock\` with \`reenter: true\` would run under the lease that is there${
        this.held === "shared" ? ", if that has permits enough" : ""
      }`)
}

/**
 * The reasons a {@link LockError} can have.
 *
 * @category errors
 * @since 0.1.0
 */
export type LockErrorReason = LockTimeout | LockLost | LockReentered | BackendFailure | InvalidOptions

/**
 * The schema of {@link LockErrorReason}.
 *
 * @category errors
 * @since 0.1.0
 */
export const LockErrorReason: Schema.Union<[
  typeof LockTimeout,
  typeof LockLost,
  typeof LockReentered,
  typeof BackendFailure,
  typeof InvalidOptions
]> = Schema.Union([LockTimeout, LockLost, LockReentered, BackendFailure, InvalidOptions])

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
export class LockError extends Schema.TaggedError<LockError>()("LockError", {
  /**
   * What happened. Tell reasons apart by `_tag`, or with `Effect.catchReason` and
   * `Effect.catchReasons`.
   */
  reason: LockErrorReason
}) {
  /** What the reason says. */
  override readonly message: string = this.reason.message
  /** The error of the client library, if there is one. */
  override get cause(): unknown {
    return "cause" in this.reason ? this.reason.cause : undefined
  }
  /** Marks the error, whichever copy of this package made it. */
  get [Made.LockError](): typeof Made.LockError {
    return Made.LockError
  }
}

/**
 * Whether a value is a {@link LockError}. Unlike `instanceof`, it also recognizes the errors of
 * another copy of this package, which a dependency may have brought along.
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
export const isLockError = (u: unknown): u is LockError => Made.isMade(u, Made.LockError)
