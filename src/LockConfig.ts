/**
 * The defaults that every lock call starts from: how long a lease lasts, how
 * long to wait, how to retry, whether to renew, a prefix for every key, and what
 * this process is called.
 *
 * They live in a fiber-local reference. Set them for a whole program with
 * {@link layer}, {@link layerConfig} or {@link layerFromEnv}, for a region with
 * {@link provide}, for one call with the call's own options. Each of these
 * changes only what it names.
 *
 * A value that makes no sense fails with a `LockError` whose reason is
 * `InvalidOptions`; it never throws and never turns into another value.
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
 * The defaults as they are used: durations decoded and checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockConfig {
  /** How long a lease lasts unless renewed, and so how long a crashed holder blocks others. */
  readonly expires: Duration.Duration
  /** How long to wait for a lock that is held. Zero is one attempt, infinity waits for ever. */
  readonly timeout: Duration.Duration
  /** When to look again while waiting; `undefined` leaves it to the backend, which knows its costs. */
  readonly retry: Schedule.Schedule<unknown> | undefined
  /** Whether the lease is renewed for as long as the work takes. */
  readonly renew: boolean
  /** Whether a call ends only when the backend has confirmed the release. */
  readonly awaitRelease: boolean
  /** Put before every key, so that programs sharing a backend stay apart. */
  readonly keyPrefix: string
  /** What others see as the holder of a lock. */
  readonly owner: string
}

/**
 * What one call may say differently from the defaults of {@link LockConfig}.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockOptions {
  /**
   * How long the lease lasts unless it is renewed, and so how long a crashed
   * holder blocks others. Default 10 seconds.
   *
   * A finite duration of at least 1 milli, rounded up to whole milliseconds; of at
   * least 10 where it is renewed or the backend has a clock of its own.
   */
  readonly expires?: Duration.Input | undefined
  /**
   * How long to wait for a lock that is held, the queue in this process included.
   * Default 60 seconds; for `Lock.once` zero.
   *
   * Zero is exactly one attempt, `"Infinity"` waits for ever. The end of the wait
   * always gets a last attempt.
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * When to look again while waiting. Default: what suits the backend.
   *
   * The wait never passes the `timeout` or the end of the holder's lease, and a
   * backend that can tell of a release ends it earlier. A schedule that ends gives
   * up early, wherever the wait is.
   */
  readonly retry?: Schedule.Schedule<unknown> | undefined
  /**
   * Whether the lease is renewed, every third of `expires`, for as long as the
   * work takes. Default true; then `expires` bounds how long a crash blocks others,
   * not how long the work may take. With `false` the work is interrupted when
   * `expires` has passed.
   *
   * A wall clock that is suddenly more than half a second ahead may mean that the host
   * was suspended. A lease that is renewed is asked for at once; one that is not ends
   * by as much earlier, also where somebody has only set the clock.
   */
  readonly renew?: boolean | undefined
  /**
   * Whether the call ends only when the backend has confirmed the release. Default
   * true.
   *
   * With `false` the result comes out as soon as the release has been sent, a round
   * trip earlier. Then another process may still find the key taken when this one
   * already has its result. Later calls for the key from this process stay in order
   * behind the release, closing the backend waits for it, and one that fails is
   * tried again as ever.
   */
  readonly awaitRelease?: boolean | undefined
}

/**
 * The options of a call that runs work: those of a lock, and whether it may run
 * under a lease that its caller has.
 *
 * @category models
 * @since 0.2.0
 */
export interface SectionOptions extends LockOptions {
  /**
   * What to do when the work around this call holds the key already. Default
   * false: a call that would wait for it fails with `LockReentered`, since it would
   * wait for itself.
   *
   * With `true` the inner work runs under the lease that is there, which the inner
   * call neither extends nor releases. A lease that is shared is none for work that wants
   * the key alone.
   */
  readonly reenter?: boolean | undefined
  /**
   * How long the key stays taken, counted from when it was taken, however short the
   * work and whatever its outcome. Default zero: until the work ends.
   *
   * The call itself ends with its work. The lease is as long as the longer of `expires`
   * and this, and what is left of it stays in the backend, also when the process
   * ends or dies. So of several processes whose clocks are that much apart, one runs a
   * job that `Lock.once` guards. A finite duration of zero or more; a backend that
   * keeps leases in coarser units keeps it that much longer.
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
   * Whether to have the key together with others. Default: alone.
   *
   * `true` is with all others who share it, as a reader. `{ limit, permits }` is with
   * so many that no more than `limit` permits are out.
   *
   * A store that cannot share makes the call fail with `BackendFailure` of kind
   * `Unsupported`.
   */
  readonly share?: true | {
    /**
     * How many permits may be out, those of this call included: a whole number of at
     * least 1. It is that of the call: nobody sets it for a key.
     */
    readonly limit: number
    /** How many of them this call takes: a whole number from 1 to `limit`. Default 1. */
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
  /** Put before every key, so that programs which share a backend stay apart. Default none. */
  readonly keyPrefix?: string | undefined
  /**
   * What others see as the holder of a lock: in `Lock.inspect`, in the message of a
   * `LockTimeout`, in spans. Default: the host's name without its domain and the
   * process id, such as `"web-3-4711"`, as far as the runtime tells them.
   *
   * 1 to 40 of the characters `A-Z a-z 0-9 - _`. It is part of what a backend stores
   * of a holder, so it is nothing secret. It need not be unique.
   */
  readonly owner?: string | undefined
}

/**
 * The fiber-local defaults: 10 seconds `expires`, 60 seconds `timeout`, the
 * backend's own `retry`, renewal on, releases waited for, no prefix, and host and
 * process id as the owner.
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
 * Fails with `InvalidOptions` when a value is not usable.
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
 * Like {@link layer}, with values read from `Config`. `retry` is code, so it can't be read.
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

/** `10s` is what people write where they write no code. Nothing has no unit. */
const parseDuration = (text: string): string =>
  text === "0"
    ? "0 millis"
    : text.replace(/^(\d+(?:\.\d+)?)(ms|[smhd])$/, (_, count: string, unit: string) => `${count} ${units[unit]}`)

const parseBoolean = (text: string): boolean | string =>
  /^(?:true|yes|on|1)$/i.test(text) || (/^(?:false|no|off|0)$/i.test(text) ? false : text)

/**
 * Reads the defaults from the environment (through the current `ConfigProvider`):
 * `LOCK_EXPIRES` and `LOCK_TIMEOUT` as durations with their unit (`10s`, `500ms`,
 * `1.5h`, `10 seconds`, `0`, `Infinity`), `LOCK_RENEW` as `true` or `false`,
 * `LOCK_KEY_PREFIX` and `LOCK_OWNER` as text.
 * What is not set, or empty, stays as it is.
 *
 * Fails with `InvalidOptions` naming the variable when a value is not usable.
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
 * Fails with `InvalidOptions` when a value is not usable; the effect does not run
 * then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide: {
  /**
   * Changes the defaults for the effect that it is piped from, and everything that
   * one forks. What is not named stays as it is around it.
   *
   * Fails with `InvalidOptions` when a value is not usable; the effect does not run
   * then.
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
   * Changes the defaults for the effect that it is given, and everything that one
   * forks. What is not named stays as it is around it.
   *
   * Fails with `InvalidOptions` when a value is not usable; the effect does not run
   * then.
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
 * A lock call with everything decided: the options over the defaults.
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
  /** Whether to run under a lease that the work around the call has. */
  readonly reenter: boolean
  /** How the key is shared; without, it is had alone. */
  readonly share: Share | undefined
  /** How long the key stays taken, whenever it is given back. No more than `expiresMillis`. */
  readonly atLeastMillis: number
  /** What others see as the holder. */
  readonly owner: string
}
