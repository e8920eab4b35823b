import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Fiber, type Layer, Schedule } from "effect"
import { LockConfig, LockError } from "effect-lock"
import { hostname } from "node:os"

const shown = Effect.map(LockConfig.LockConfig, (config) => ({
  expires: Duration.toMillis(config.expires),
  timeout: Duration.toMillis(config.timeout),
  renew: config.renew,
  keyPrefix: config.keyPrefix,
  owner: config.owner,
  retry: config.retry
}))

const owner = `${hostname().split(".")[0].slice(-39 + String(process.pid).length)}-${process.pid}`

const standard = { expires: 10_000, timeout: 60_000, renew: true, keyPrefix: "", owner, retry: undefined }

const invalid = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, LockError.LockError)
    const { reason } = error as LockError.LockError
    return reason._tag === "InvalidOptions" ? reason : assert.fail(reason._tag)
  })

describe("LockConfig", () => {
  it.effect("starts from 10 seconds, 60 seconds, renewal and no prefix", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* shown, standard)
    }))

  it.effect("provide changes what it names, for one effect and what it forks", () =>
    Effect.gen(function*() {
      const [inside, forked] = yield* Effect.all([
        shown,
        Effect.flatMap(Effect.forkChild(shown), Fiber.join)
      ]).pipe(LockConfig.provide({ expires: "3 seconds", keyPrefix: "a:" }))
      assert.deepStrictEqual(inside, { ...standard, expires: 3_000, keyPrefix: "a:" })
      assert.deepStrictEqual(forked, inside)
      assert.deepStrictEqual(yield* shown, standard)
    }))

  it.effect("nested provides add up, the inner first", () =>
    Effect.gen(function*() {
      const config = yield* LockConfig.provide(LockConfig.provide(shown, { timeout: 0 }), { timeout: 5, renew: false })
      assert.deepStrictEqual(config, { ...standard, timeout: 0, renew: false })
    }))

  it.effect("layers add up too", () =>
    Effect.gen(function*() {
      const retry = Schedule.spaced(1)
      const config = yield* shown.pipe(
        Effect.provide(LockConfig.layer({ keyPrefix: "b:", retry })),
        Effect.provide(LockConfig.layer({ keyPrefix: "a:", timeout: "Infinity" }))
      )
      assert.deepStrictEqual(config, { ...standard, keyPrefix: "b:", timeout: Infinity, retry })
    }))

  it.effect("rounds durations up to whole milliseconds", () =>
    Effect.gen(function*() {
      const config = yield* LockConfig.make({ expires: "1500 micros", timeout: 0.2 })
      assert.deepStrictEqual([Duration.toMillis(config.expires), Duration.toMillis(config.timeout)], [2, 1])
    }))

  it.effect("an option that is undefined stays as it is", () =>
    Effect.gen(function*() {
      const config = yield* LockConfig.make({ expires: undefined, timeout: undefined, renew: undefined })
      assert.strictEqual(Duration.toMillis(config.expires), 10_000)
      assert.isTrue(config.renew)
    }))

  const bad: ReadonlyArray<readonly [LockConfig.LockDefaults, option: string, value: string]> = [
    [{ expires: 0 }, "expires", "0"],
    [{ expires: -5 }, "expires", "-5"],
    [{ expires: NaN }, "expires", "NaN"],
    [{ expires: Infinity }, "expires", "Infinity"],
    [{ expires: "Infinity" }, "expires", `"Infinity"`],
    [{ expires: "" as never }, "expires", `""`],
    [{ expires: "ten seconds" as never }, "expires", `"ten seconds"`],
    [{ expires: null as never }, "expires", "null"],
    [{ expires: {} as never }, "expires", "{}"],
    [{ timeout: -1 }, "timeout", "-1"],
    [{ timeout: NaN }, "timeout", "NaN"],
    [{ timeout: -Infinity }, "timeout", "-Infinity"],
    [{ timeout: "soon" as never }, "timeout", `"soon"`],
    [{ retry: 5 as never }, "retry", "5"],
    [{ renew: 1 as never }, "renew", "1"],
    [{ keyPrefix: 7 as never }, "keyPrefix", "7"],
    [{ owner: "" }, "owner", `""`],
    [{ owner: "web.3" }, "owner", `"web.3"`],
    [{ owner: "Köln" }, "owner", `"Köln"`],
    [{ owner: "x".repeat(41) }, "owner", `"${"x".repeat(41)}"`]
  ]
  for (const [defaults, option, value] of bad) {
    it.effect(`refuses ${option} of ${value}, naming both`, () =>
      Effect.gen(function*() {
        for (
          const effect of [
            LockConfig.make(defaults),
            LockConfig.provide(Effect.void, defaults),
            Effect.provide(Effect.void, LockConfig.layer(defaults))
          ]
        ) {
          const reason = yield* invalid(effect)
          assert.deepStrictEqual([reason.option, reason.value], [option, value])
          assert.isNotEmpty(reason.expected)
        }
      }))
  }

  const from = (layer: Layer.Layer<never, unknown>, env: Record<string, string>) =>
    shown.pipe(
      Effect.provide(layer),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env))
    )

  it.effect("reads the environment, and leaves what is not set", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* from(LockConfig.layerFromEnv, {}), standard)
      const env = {
        LOCK_EXPIRES: "20 seconds",
        LOCK_TIMEOUT: "Infinity",
        LOCK_RENEW: "false",
        LOCK_KEY_PREFIX: "shop:",
        LOCK_OWNER: "payments-1"
      }
      assert.deepStrictEqual(yield* from(LockConfig.layerFromEnv, env), {
        ...standard,
        expires: 20_000,
        timeout: Infinity,
        renew: false,
        keyPrefix: "shop:",
        owner: "payments-1"
      })
      for (
        const [text, renew] of [["yes", true], ["1", true], ["True", true], ["on", true], ["no", false], [
          "0",
          false
        ]] as const
      ) {
        assert.strictEqual((yield* from(LockConfig.layerFromEnv, { LOCK_RENEW: text })).renew, renew)
      }
    }))

  it.effect("takes a duration from the environment as the command line does", () =>
    Effect.gen(function*() {
      const cases = { "500ms": 500, "3s": 3_000, "1.5m": 90_000, "2h": 7_200_000, "1d": 86_400_000 }
      for (const [text, millis] of Object.entries(cases)) {
        const { expires, timeout } = yield* from(LockConfig.layerFromEnv, { LOCK_EXPIRES: text, LOCK_TIMEOUT: text })
        assert.deepStrictEqual([expires, timeout], [millis, millis])
      }
      assert.strictEqual((yield* from(LockConfig.layerFromEnv, { LOCK_TIMEOUT: "0" })).timeout, 0)
    }))

  it.effect("takes what is empty in the environment for what is not set", () =>
    Effect.gen(function*() {
      const env = { LOCK_EXPIRES: "", LOCK_TIMEOUT: "", LOCK_RENEW: "", LOCK_KEY_PREFIX: "", LOCK_OWNER: "" }
      assert.deepStrictEqual(yield* from(LockConfig.layerFromEnv, env), standard)
    }))

  for (
    const [name, value] of [["LOCK_EXPIRES", "0s"], ["LOCK_EXPIRES", "0"], ["LOCK_TIMEOUT", "soon"], [
      "LOCK_TIMEOUT",
      "3"
    ], [
      "LOCK_RENEW",
      "maybe"
    ], [
      "LOCK_OWNER",
      "a b"
    ]] as const
  ) {
    it.effect(`names the variable ${name} when its value is not usable`, () =>
      Effect.gen(function*() {
        const reason = yield* invalid(from(LockConfig.layerFromEnv, { [name]: value }))
        assert.deepStrictEqual([reason.option, reason.value], [name, JSON.stringify(value)])
      }))
  }

  it.effect("layerConfig reads what it is told to", () =>
    Effect.gen(function*() {
      const layer = LockConfig.layerConfig({ timeout: Config.Duration("WAIT"), keyPrefix: Config.succeed("a:") })
      assert.deepStrictEqual(yield* from(layer, { WAIT: "3 seconds" }), {
        ...standard,
        timeout: 3_000,
        keyPrefix: "a:"
      })
      const missing = yield* Effect.flip(from(layer, {}))
      assert.strictEqual((missing as { readonly _tag: string })._tag, "ConfigError")
    }))
})
