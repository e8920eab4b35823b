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
import * as Config from "effect/Config";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { dual, identity } from "effect/Function";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { decode, decodeOption } from "./internal/options.js";
import * as Owner from "./internal/owner.js";
/**
 * The fiber-local defaults: 10 seconds `expires`, 60 seconds `timeout`, the
 * backend's own `retry`, renewal on, releases waited for, no prefix, and host and
 * process id as the owner.
 *
 * @category services
 * @since 0.1.0
 */
export const LockConfig = Context.Reference("effect-lock/LockConfig", {
    defaultValue: () => ({
        expires: Duration.seconds(10),
        timeout: Duration.seconds(60),
        retry: undefined,
        renew: true,
        awaitRelease: true,
        keyPrefix: "",
        owner: Owner.ofProcess
    })
});
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
export const make = (defaults) => Effect.flatMap(LockConfig, (config) => Effect.map(Effect.fromResult(decode(defaults)), (changes) => ({ ...config, ...changes })));
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
export const layer = (defaults) => Layer.effect(LockConfig, make(defaults));
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
export const layerConfig = (defaults) => Layer.effect(LockConfig, Effect.flatMap(Config.unwrap(defaults), make));
const fromEnv = (kind, name, parse = identity) => Effect.flatMap(Config.option(Config.String(name)), Option.match({
    onNone: () => Effect.undefined,
    onSome: (text) => Effect.fromResult(decodeOption(kind, parse(text), name))
}));
const parseBoolean = (text) => /^(true|1|yes)$/.test(text) || (/^(false|0|no)$/.test(text) ? false : text);
/**
 * Reads the defaults from the environment (through the current `ConfigProvider`):
 * `LOCK_EXPIRES` and `LOCK_TIMEOUT` as durations with their unit
 * (`"10 seconds"`), `LOCK_RENEW` as `true` or `false`, `LOCK_KEY_PREFIX` and
 * `LOCK_OWNER` as text.
 * What is not set stays as it is.
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
 *   Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ LOCK_EXPIRES: "20 seconds" })))
 * )
 *
 * await Effect.runPromise(program) // => "20s"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = /* #__PURE__ */ Layer.effect(LockConfig, 
/* #__PURE__ */ Effect.gen(function* () {
    return yield* make({
        expires: yield* fromEnv("expires", "LOCK_EXPIRES"),
        timeout: yield* fromEnv("timeout", "LOCK_TIMEOUT"),
        renew: yield* fromEnv("renew", "LOCK_RENEW", parseBoolean),
        keyPrefix: yield* fromEnv("keyPrefix", "LOCK_KEY_PREFIX"),
        owner: yield* fromEnv("owner", "LOCK_OWNER")
    });
}));
/**
 * Changes the defaults for one effect and everything it forks.
 *
 * Fails with `InvalidOptions` when a value is not usable; the effect does not run
 * then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide = /* #__PURE__ */ dual(2, (self, defaults) => Effect.provideServiceEffect(self, LockConfig, make(defaults)));
