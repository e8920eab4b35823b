/** The options of all commands: where the locks are, and whether to write JSON. */
import * as BackendUrl from "effect-lock/BackendUrl"
import type * as LockBackend from "effect-lock/LockBackend"
import * as LockConfig from "effect-lock/LockConfig"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import { type Ending, usage } from "./exits.ts"

const url = GlobalFlag.Setting("url")({
  flag: Flag.Redacted("url").pipe(
    Flag.optional,
    Flag.withMetavar("URL"),
    Flag.withDescription(
      "Where the locks are, such as redis://localhost. Others can see it in the list of processes; better set LOCK_URL"
    )
  )
})

export const json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Write JSON: results to stdout, what goes wrong to stderr")
  )
})

export const all = [url, json]

/** The given URL, or that of the environment. */
export const serverUrl: Effect.Effect<
  Redacted.Redacted<string>,
  Ending | Config.ConfigError,
  GlobalFlag.Setting.Identifier<"url">
> = Effect.gen(function*() {
  const given = yield* url
  const found = Option.isSome(given) ? given : yield* Config.option(Config.Redacted("LOCK_URL"))
  return Option.isSome(found)
    ? found.value
    : yield* usage("Where are the locks? Set LOCK_URL, or give --url, such as redis://localhost")
})

/** Errors are reported at the end, and need not be logged before, unless requested. */
export const quietly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    GlobalFlag.LogLevel,
    (level) => Option.isSome(level) ? effect : Effect.provideService(effect, References.MinimumLogLevel, "Error")
  )

/**
 * The backend of the URL, with the lock defaults of the environment (`LOCK_EXPIRES`,
 * `LOCK_KEY_PREFIX`, …).
 */
export const backend: Layer.Layer<
  LockBackend.LockBackend,
  Ending | Config.ConfigError | Effect.Error<ReturnType<typeof LockConfig.make>>,
  GlobalFlag.Setting.Identifier<"url">
> = Layer.provideMerge(Layer.unwrap(Effect.map(serverUrl, BackendUrl.layer)), LockConfig.layerFromEnv)
