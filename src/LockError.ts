/**
 * Everything that can go wrong with a lock, as one error.
 *
 * A {@link LockError} carries a `reason` that says what happened: somebody else
 * had the lock for too long ({@link LockTimeout}), we had it and lost it
 * ({@link LockLost}), we have it and would wait for ourselves
 * ({@link LockReentered}), the backend could not answer ({@link BackendFailure}),
 * or the call itself was wrong ({@link InvalidOptions}). Handle one with `Effect.catchReason`, several with
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
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { rememberLast } from "./internal/last.ts"
import * as Made from "./internal/made.ts"
import * as Token from "./internal/token.ts"

/**
 * Who holds a lock, as far as the backend can tell.
 *
 * In JSON, and so in logs, it is plain: the time in ISO 8601, `remainingMillis`, and of the token no
 * more than tells holders apart, since whoever has a token can release its lock.
 * Who wants it adds it: `{ ...holder.toJSON(), token: holder.token }`. To send a
 * holder and get one back, encode it by its schema.
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
   * What the process behind the token is called (see `LockConfig`; host name and
   * process id unless it says otherwise); absent when the token was written by
   * something else than this library.
   */
  owner: Schema.optional(Schema.String),
  /** When the holder asked for the lock, by the holder's wall clock; absent where `owner` is. */
  since: Schema.optional(Schema.DateTimeUtcFromMillis),
  /** How long the lease lasts if nobody renews it; absent where the backend does not know. */
  remaining: Schema.optional(Schema.DurationFromMillis),
  /** How many processes queue for the lock, and in memory how many calls; absent where the backend does not know. */
  waiters: Schema.optional(Schema.Finite),
  /** How many it has of a key that is shared; absent when it has the key alone. */
  permits: Schema.optional(Schema.Finite)
}) {
  /** For logs and people: times plain, the token shortened. */
  toJSON(): {
    /** What the process behind the token is called. */
    readonly owner?: string
    /** When the holder asked for the lock, in ISO 8601. */
    readonly since?: string
    /** How long the lease lasts if nobody renews it. */
    readonly remainingMillis?: number
    /** How many processes queue for the lock. */
    readonly waiters?: number
    /** How many permits it has of a key that is shared. */
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

// The message of an error is a property of its own here: a getter of the prototype
// is lost on the way through `postMessage`, and in JSON.

const iso = /* #__PURE__ */ rememberLast(DateTime.formatIso)

/** With a unit, which `Duration.format` leaves out of nothing at all. */
const format = (duration: Duration.Duration): string => Duration.isZero(duration) ? "0ms" : Duration.format(duration)

/** Of words that are often the same again, since from a second on nobody reads them closer than that. */
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

/** In milliseconds, where infinity is a word, since JSON has no number for it. */
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
 * The lock stayed with another holder until `timeout` had passed.
 *
 * **Details**
 *
 * `Lock.once` with `failIfLocked` fails with this reason too, after waiting for its
 * `timeout` (none, unless told otherwise).
 *
 * @category errors
 * @since 0.1.0
 */
export class LockTimeout extends Schema.TaggedError<LockTimeout>()("LockTimeout", {
  /** The key as the backend sees it, with the configured prefix. */
  key: Schema.String,
  /** How long the call would have waited: its `timeout`, or the default in force. */
  timeout: DurationOrInfinity,
  /**
   * How long it did wait, the queue in this process included. Less than `timeout`
   * where a `retry` schedule gave up early.
   */
  waited: Schema.DurationFromMillis,
  /** Who had the lock at the last look; absent where the backend could not say. */
  holder: Schema.optional(Holder),
  /** Whether the work around the call holds the lock itself; absent where it does not. */
  byCaller: Schema.optional(Schema.Boolean)
}) {
  /** Which lock it was, how long it was waited for, and who has it. */
  override readonly message: string = timedOut(this)
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

const failed = ({ backend, cause, description, key, kind, operation }: BackendFailure): string => {
  const what = key === undefined ? operation : `${operation} lock "${key}"`
  const detail = description ?? (cause instanceof Error ? cause.message : undefined)
  return `${backend} could not ${what} (${kind})${detail === undefined ? "" : `: ${detail}`}`
}

/**
 * The backend could not answer, so nobody knows whether the lock is free. It
 * never counts as acquired.
 *
 * **Details**
 *
 * Those of a lock call come out when its `timeout` is over, or at once where trying
 * again is of no use.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendFailure extends Schema.TaggedError<BackendFailure>()("BackendFailure", {
  /** The name of the backend, such as `"redis"`. */
  backend: Schema.String,
  /** What could not be done, such as `"acquire"`, `"extend"`, `"release"`, `"inspect"` or `"connect"`. */
  operation: Schema.String,
  /** What kind of trouble it is. */
  kind: FailureKind,
  /**
   * Whether it may work later (a broken connection, a server that is loading). It is
   * then tried again for as long as the `timeout` of the lock lasts.
   */
  retryable: Schema.Boolean,
  /** The key as the backend sees it; absent when it was about no single one. */
  key: Schema.optional(Schema.String),
  /** What happened, and what may help, in words; absent where `cause` says all. */
  description: Schema.optional(Schema.String),
  /** What the client library said; absent where it was not asked, or said nothing. */
  cause: Schema.optional(Schema.Defect())
}) {
  /** Which backend could not do what, and why. */
  override readonly message: string = failed(this)
  /** Marks it, whichever copy of this package made it. */
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
 * The lease ended before the work did, so the work was interrupted.
 *
 * **Details**
 *
 * Work protected by a lost lock may have overlapped with the next holder from that
 * moment on; fencing tokens are what stops its late writes.
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
   * - `Taken`: the backend said that the key is no longer ours (deleted, flushed,
   *   evicted, taken by force)
   * - `Closed`: the layer of the backend was closed under the holder
   * - `Released`: the lease had been given back when it was to be extended
   */
  why: Schema.Literals(["Expired", "Taken", "Closed", "Released"]),
  /** How long we had it, in whole milliseconds. */
  held: Schema.DurationFromMillis,
  /** What the last renewal failed with, where it is `Expired` for that; absent otherwise. */
  failure: Schema.optional(BackendFailure)
}) {
  /** Which lock it was, how long it was held, and why it ended. */
  override readonly message: string = lost(this)
}

/**
 * An option, a key or a configuration value is not usable. Nothing was sent to
 * the backend.
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
  /** The name of what is wrong: an option, `"key"`, or a variable of the environment. */
  option: Schema.String,
  /** What was given, as text for people; of what may contain a password only what is wrong with it. */
  value: Schema.String,
  /** What would be right, as text for people. */
  expected: Schema.String
}) {
  /** Which option it is, what was given, and what would be right. */
  override readonly message: string =
    `Invalid lock option "${this.option}": got ${this.value}, expected ${this.expected}`
}

/**
 * The work asked, in a way that would wait, for a lock that it holds itself. It
 * could only have waited in vain, so it failed at once; nothing was sent.
 *
 * **Details**
 *
 * With `reenter: true`, `Lock.withLock` and its like run the inner work under the lease
 * that is there; not where that is shared and the inner work wants the key alone.
 *
 * Children of the work (`Effect.forkChild`) are told, too, since they end with it. Of
 * what `Effect.timeout`, `Effect.race` and `Effect.all` run beside it nobody knows
 * whether the work waits for it, no more than of what is detached: it waits, and its
 * `LockTimeout` says `byCaller`.
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
  /** How the work holds it: alone, or together with others. */
  held: Schema.Literals(["alone", "shared"]),
  /** How it asked for it. */
  wanted: Schema.Literals(["alone", "shared"])
}) {
  /** Which lock it is, and what can be done. */
  override readonly message: string =
    `Lock "${this.key}" is held (${this.held}) by the work that asks for it (${this.wanted}), which would wait for ` +
    (this.held === "shared" && this.wanted === "alone"
      ? "itself; who shares a lock gives it back before having it alone"
      : "itself; `Lock.withLock` with `reenter: true` would run under the lease that is there")
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
  /** What happened, to be told by its `_tag`, or by `Effect.catchReason` and `Effect.catchReasons`. */
  reason: LockErrorReason
}) {
  /** What the reason says. */
  override readonly message: string = this.reason.message
  /** What the client library said, where that is the reason. */
  override get cause(): unknown {
    return "cause" in this.reason ? this.reason.cause : undefined
  }
  /** Marks it, whichever copy of this package made it. */
  get [Made.LockError](): typeof Made.LockError {
    return Made.LockError
  }
}

/**
 * Whether a value is a {@link LockError}. Unlike `instanceof` it also knows those that
 * another copy of this package has made, which a dependency may have brought along.
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
