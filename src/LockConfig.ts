/**
 * The defaults of every lock call: how long a lease lasts, how long to wait, how to retry, whether
 * to renew, a prefix for all keys, and the name of this process as an owner.
 *
 * They are a fiber-local reference. Set them for a whole program with {@link layer},
 * {@link layerConfig} or {@link layerFromEnv}, for a part of it with {@link provide}, and for one
 * call with its own options. Each changes only what it names.
 *
 * An invalid value fails with a `LockError` whose reason is `InvalidOptions`; it never throws, and
 * is never replaced by another value.
 *
 * **Example** (Defaults for a region)
 *
 * ```ts
 * import { Duration, Effect } from "effect"
 * import { LockConfig } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const config = yield* LockConfig.LockConfig
 *   return Duration.format(config.expires)
 * }).pipe(LockConfig.provide({ expires: "30 seconds" }))
 *
 * await Effect.runPromise(program) // => "30s"
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual, identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import { decode, decodeOption } from "./internal/options.ts"
import * as Owner from "./internal/owner.ts"
import type { LockError } from "./LockError.ts"
import type { Share } from "./LockStore.ts"

/**
 * The defaults, with their durations decoded and checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockConfig {
  /** How long a lease lasts unless it is renewed, and so how long a crashed holder blocks others. */
  readonly expires: Duration.Duration
  /** How long to wait for a lock that is held. Zero is one attempt, infinity waits for ever. */
  readonly timeout: Duration.Duration
  /** When to look again while waiting; `undefined` leaves it to the backend. */
  readonly retry: Schedule.Schedule<unknown> | undefined
  /** Whether the lease is renewed for as long as the work takes. */
  readonly renew: boolean
  /** Whether a call ends only when the backend has confirmed the release. */
  readonly awaitRelease: boolean
  /** A prefix for every key, so that programs that share a backend do not collide. */
  readonly keyPrefix: string
  /** The name that others see as the holder of a lock. */
  readonly owner: string
}

/**
 * The options of one call, which override the defaults of {@link LockConfig}.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockOptions {
  /**
   * How long the lease lasts unless it is renewed, and so how long a crashed
   * holder blocks others. Default 10 seconds.
   *
   * A finite duration of at least 1 ms, or of at least 10 ms if the lease is renewed or the backend
   * has a clock of its own. A number is milliseconds. It is rounded up to whole milliseconds.
   */
  readonly expires?: Duration.Input | undefined
  /**
   * How long to wait for a lock that is held, the queue in this process included.
   * Default 60 seconds; for `Lock.once` zero.
   *
   * Zero makes exactly one attempt, `"Infinity"` waits for ever. A number is milliseconds. A last
   * attempt is always made when the time is up.
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * When to look again while waiting. Default: what suits the backend.
   *
   * A pause never goes beyond the `timeout` or the end of the holder's lease, and a backend that
   * notifies of a release cuts it short. When the schedule ends, the call gives up early, also
   * while it queues in this process.
   */
  readonly retry?: Schedule.Schedule<unknown> | undefined
  /**
   * Whether the lease is renewed, every third of `expires`, for as long as the
   * work takes. Default true; then `expires` bounds how long a crash blocks others,
   * not how long the work may take. With `false` the work is interrupted when
   * `expires` has passed.
   *
   * If the wall clock jumps ahead by more than half a second, the host may have been suspended. A
   * lease that renews itself is then renewed at once; one that does not ends earlier by as much,
   * even if somebody has only set the clock.
   */
  readonly renew?: boolean | undefined
  /**
   * Whether the call ends only when the backend has confirmed the release. Default
   * true.
   *
   * With `false` the call ends as soon as the release has been sent, one round trip earlier.
   * Another process may then still find the key taken. Later calls for the key in this process
   * queue behind the release, closing the backend waits for it, and a release that fails is retried
   * as usual.
   */
  readonly awaitRelease?: boolean | undefined
}

/**
 * The options of a call that runs work: those of a lock, and whether the work may run under a lease
 * that its caller already holds.
 *
 * @category models
 * @since 0.2.0
 */
export interface SectionOptions extends LockOptions {
  /**
   * What to do if the work around this call already holds the key. Default false: a call that would
   * wait for it fails with `LockReentered`, since it would wait for itself.
   *
   * With `true` the inner work runs under the lease that is already held, and the inner call neither
   * extends nor releases it. A shared lease does not do for exclusive work, for more permits than it
   * has, or for a smaller limit: such a call acquires its own, or fails as by default.
   */
  readonly reenter?: boolean | undefined
  /**
   * How long the key stays taken at least, from when it was acquired, however short the work and
   * whatever its outcome. Default zero: until the work ends.
   *
   * The call itself ends with its work. The lease lasts for the longer of `expires` and this, and
   * the rest of it stays in the backend even if the process exits or is killed. So of several
   * processes whose clocks differ by less than this, only one runs a job under `Lock.once`. Whoever
   * adopts the lock from work that has detached it may release it earlier, and so does
   * `Lock.forceRelease`. A finite duration of zero or more; a backend whose leases have coarser units
   * keeps it a little longer.
   */
  readonly atLeast?: Duration.Input | undefined
}

/**
 * The options of a call that may share its key with others.
 *
 * @category models
 * @since 0.2.0
 */
export interface ShareOptions extends LockOptions {
  /**
   * How to share the key with others. Default: not at all.
   *
   * `true` shares it with all who share it, like a reader. `{ limit, permits }` takes permits, of
   * which at most `limit` are held at a time.
   *
   * If the backend cannot share keys, the call fails with `BackendFailure` of kind `Unsupported`.
   */
  readonly share?: true | {
    /**
     * The most permits that may be held at a time, those of this call included: an integer of at
     * least 1. The limit belongs to the call; none is stored for the key.
     */
    readonly limit: number
    /** How many permits this call takes: an integer from 1 to `limit`. Default 1. */
    readonly permits?: number | undefined
  } | undefined
}

/**
 * What can be set as defaults: the options of a call, and the prefix of every key.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockDefaults extends LockOptions {
  /** A prefix for every key, so that programs that share a backend do not collide. Default: none. */
  readonly keyPrefix?: string | undefined
  /**
   * The name that others see as the holder of a lock: in `Lock.inspect`, in the message of a
   * `LockTimeout`, in spans. Default: the host name without its domain and the process id, such as
   * `"web-3-4711"`, if the runtime tells them.
   *
   * 1 to 40 of the characters `A-Z a-z 0-9 - _`. The backend stores it with the lock, so it must
   * not be secret. It need not be unique.
   */
  readonly owner?: string | undefined
}

/**
 * The fiber-local defaults: `expires` 10 seconds, `timeout` 60 seconds, the backend's own `retry`,
 * renewal on, releases awaited, no prefix, and host name and process id as the owner.
 *
 * @category services
 * @since 0.1.0
 */
export const LockConfig: Context.Reference<LockConfig> = Context.Reference<LockConfig>("effect-lock/LockConfig", {
  defaultValue: () => ({
    expires: Duration.seconds(10),
    timeout: Duration.seconds(60),
    retry: undefined,
    renew: true,
    awaitRelease: true,
    keyPrefix: "",
    owner: Owner.ofProcess
  })
})

/**
 * The current defaults with some of them changed, checked.
 *
 * Fails with `InvalidOptions` naming the option, the value and what is allowed.
 *
 * **Example** (A value that makes no sense)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { LockConfig } from "effect-lock"
 *
 * const message = LockConfig.make({ expires: 0 }).pipe(Effect.flip, Effect.map((error) => error.message))
 *
 * await Effect.runPromise(message)
 * // => 'Invalid lock option "expires": got 0, expected a finite duration of at least 1 milli, such as "10 seconds"'
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (defaults: LockDefaults): Effect.Effect<LockConfig, LockError> =>
  Effect.flatMap(
    LockConfig,
    (config) => Effect.map(Effect.fromResult(decode(defaults)), (changes) => ({ ...config, ...changes }))
  )

/**
 * Changes the defaults for everything built on this layer.
 *
 * Fails with `InvalidOptions` if a value is invalid.
 *
 * **Example** (Defaults for a program)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { LockConfig } from "effect-lock"
 *
 * const program = Effect.map(LockConfig.LockConfig, (config) => config.keyPrefix).pipe(
 *   Effect.provide(LockConfig.layer({ keyPrefix: "shop:", timeout: "5 seconds" }))
 * )
 *
 * await Effect.runPromise(program) // => "shop:"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (defaults: LockDefaults): Layer.Layer<never, LockError> => Layer.effect(LockConfig, make(defaults))

/**
 * Like {@link layer}, with values read from `Config`. `retry` cannot be read, as it is code.
 *
 * Fails with `ConfigError` when a value is missing or malformed, and with
 * `InvalidOptions` when it is well-formed but not usable.
 *
 * **Example** (Reading one default)
 *
 * ```ts
 * import { Config, ConfigProvider, Duration, Effect, Layer } from "effect"
 * import { LockConfig } from "effect-lock"
 *
 * const program = Effect.map(LockConfig.LockConfig, (config) => Duration.format(config.timeout)).pipe(
 *   Effect.provide(LockConfig.layerConfig({ timeout: Config.Duration("WAIT") })),
 *   Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ WAIT: "3 seconds" })))
 * )
 *
 * await Effect.runPromise(program) // => "3s"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  defaults: Config.Wrap<Omit<LockDefaults, "retry">>
): Layer.Layer<never, LockError | Config.ConfigError> =>
  Layer.effect(LockConfig, Effect.flatMap(Config.unwrap(defaults), make))

const fromEnv = <K extends keyof LockConfig>(kind: K, name: string, parse: (text: string) => unknown = identity) =>
  Effect.flatMap(Config.option(Config.String(name)), (given) => {
    const text = Option.getOrElse(given, () => "")
    return text === "" ? Effect.undefined : Effect.fromResult(decodeOption(kind, text, name, parse(text)))
  })

const units: Readonly<Record<string, string>> = { ms: "millis", s: "seconds", m: "minutes", h: "hours", d: "days" }

/** People write `10s` where they do not write code. `0` has no unit. */
const parseDuration = (text: string): string =>
  text === "0"
    ? "0 millis"
    : text.replace(/^(\d+(?:\.\d+)?)(ms|[smhd])$/, (_, count: string, unit: string) => `${count} ${units[unit]}`)

const parseBoolean = (text: string): boolean | string =>
  /^(?:true|yes|on|1)$/i.test(text) || (/^(?:false|no|off|0)$/i.test(text) ? false : text)

/**
 * Reads the defaults from the environment (through the current `ConfigProvider`): `LOCK_EXPIRES`
 * and `LOCK_TIMEOUT` as durations with their unit (`10s`, `500ms`, `1.5h`, `10 seconds`, `0`,
 * `Infinity`), `LOCK_RENEW` as `true` or `false`, `LOCK_KEY_PREFIX` and `LOCK_OWNER` as text.
 * Variables that are empty or not set change nothing.
 *
 * Fails with `InvalidOptions`, which names the variable, if a value is invalid.
 *
 * **Example** (Defaults from the environment)
 *
 * ```ts
 * import { ConfigProvider, Duration, Effect } from "effect"
 * import { LockConfig } from "effect-lock"
 *
 * const program = Effect.map(LockConfig.LockConfig, (config) => Duration.format(config.expires)).pipe(
 *   Effect.provide(LockConfig.layerFromEnv),
 *   Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ LOCK_EXPIRES: "20s" })))
 * )
 *
 * await Effect.runPromise(program) // => "20s"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<never, LockError | Config.ConfigError> = /* #__PURE__ */ Layer.effect(
  LockConfig,
  /* #__PURE__ */ Effect.gen(function*() {
    return yield* make({
      expires: yield* fromEnv("expires", "LOCK_EXPIRES", parseDuration),
      timeout: yield* fromEnv("timeout", "LOCK_TIMEOUT", parseDuration),
      renew: yield* fromEnv("renew", "LOCK_RENEW", parseBoolean),
      keyPrefix: yield* fromEnv("keyPrefix", "LOCK_KEY_PREFIX"),
      owner: yield* fromEnv("owner", "LOCK_OWNER")
    })
  })
)

/**
 * Changes the defaults for one effect and everything it forks.
 *
 * Fails with `InvalidOptions` if a value is invalid; the effect then does not run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide: {
  /**
   * Changes the defaults for the effect in the pipeline, and for everything that it forks. Other
   * defaults stay as they are.
   *
   * Fails with `InvalidOptions` if a value is invalid; the effect then does not run.
   *
   * **Example** (In a pipeline)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { LockConfig } from "effect-lock"
   *
   * const program = Effect.map(LockConfig.LockConfig, ({ keyPrefix, renew }) => [keyPrefix, renew]).pipe(
   *   LockConfig.provide({ renew: false }),
   *   LockConfig.provide({ keyPrefix: "shop:" })
   * )
   *
   * await Effect.runPromise(program) // => ["shop:", false]
   * ```
   *
   * @category combinators
   * @since 0.1.0
   */
  (defaults: LockDefaults): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LockError, R>
  /**
   * Changes the defaults for the given effect, and for everything that it forks. Other defaults
   * stay as they are.
   *
   * Fails with `InvalidOptions` if a value is invalid; the effect then does not run.
   *
   * **Example** (A value that makes no sense)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { LockConfig } from "effect-lock"
   *
   * const program = LockConfig.provide(Effect.succeed("ran"), { timeout: "-1 second" }).pipe(
   *   Effect.catchReason("LockError", "InvalidOptions", ({ option }) => Effect.succeed(option))
   * )
   *
   * await Effect.runPromise(program) // => "timeout"
   * ```
   *
   * @category combinators
   * @since 0.1.0
   */
  <A, E, R>(self: Effect.Effect<A, E, R>, defaults: LockDefaults): Effect.Effect<A, E | LockError, R>
} = /* #__PURE__ */ dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, defaults: LockDefaults): Effect.Effect<A, E | LockError, R> =>
    Effect.provideServiceEffect(self, LockConfig, make(defaults))
)

/**
 * A lock call with its options decided: those of the call over the defaults.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockRequest {
  /** The key as the backend sees it, with the prefix. */
  readonly key: string
  /** How long the lease lasts unless it is renewed, in whole milliseconds. */
  readonly expiresMillis: number
  /** How long to wait, in whole milliseconds: 0 for one attempt, `Infinity` for ever. */
  readonly timeoutMillis: number
  /** When to look again while waiting; `undefined` leaves it to the backend. */
  readonly retry: Schedule.Schedule<unknown> | undefined
  /** Whether the lease is renewed for as long as the work takes. */
  readonly renew: boolean
  /** Whether the call ends only when the backend has confirmed the release. */
  readonly awaitRelease: boolean
  /** Whether to run under a lease that the work around the call already holds. */
  readonly reenter: boolean
  /** How the key is shared; undefined for exclusive. */
  readonly share: Share | undefined
  /** How long the key stays taken at least, whenever it is released. At most `expiresMillis`. */
  readonly atLeastMillis: number
  /** The name that others see as the holder. */
  readonly owner: string
}
