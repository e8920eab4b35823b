import { Config, type Duration, Effect, type Layer, Schedule } from "effect"
import { LockConfig, type LockError } from "effect-lock"
import { typeOf } from "./same.ts"

declare const config: LockConfig.LockConfig
declare const work: Effect.Effect<"done", "own", "service">

typeOf(config.expires).is<Duration.Duration>()
typeOf(config.timeout).is<Duration.Duration>()
typeOf(config.retry).is<Schedule.Schedule<unknown> | undefined>()
typeOf(config.renew).is<boolean>()
typeOf(config.keyPrefix).is<string>()

// The defaults are there without being provided.
typeOf(Effect.map(LockConfig.LockConfig, (config) => config)).is<Effect.Effect<LockConfig.LockConfig>>()

typeOf(LockConfig.make({ expires: "1 second" })).is<Effect.Effect<LockConfig.LockConfig, LockError.LockError>>()
typeOf(LockConfig.layer({ timeout: "Infinity", keyPrefix: "shop:" })).is<Layer.Layer<never, LockError.LockError>>()
typeOf(LockConfig.layerFromEnv).is<Layer.Layer<never, LockError.LockError | Config.ConfigError>>()
typeOf(LockConfig.layerConfig({ expires: Config.Duration("EXPIRES"), renew: Config.Boolean("RENEW") })).is<
  Layer.Layer<never, LockError.LockError | Config.ConfigError>
>()
// @ts-expect-error: a schedule is code
LockConfig.layerConfig({ retry: Config.succeed(Schedule.forever) })

// Whatever schedule, and undefined for what stays as it is.
LockConfig.make({ retry: Schedule.exponential("10 millis"), expires: undefined, timeout: undefined, renew: undefined })
LockConfig.make({})
// @ts-expect-error: no unit
LockConfig.make({ expires: "10" })
// @ts-expect-error: not a duration
LockConfig.make({ timeout: true })
// @ts-expect-error: not an option
LockConfig.make({ ttl: 1000 })
// @ts-expect-error: not a schedule
LockConfig.make({ retry: 3 })

// Both ways round, keeping what the effect had.
typeOf(LockConfig.provide(work, { expires: 1000 })).is<Effect.Effect<"done", "own" | LockError.LockError, "service">>()
typeOf(work.pipe(LockConfig.provide({ renew: false }))).is<
  Effect.Effect<"done", "own" | LockError.LockError, "service">
>()
