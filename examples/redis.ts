/**
 * Two processes, one Redis: they take turns, and when one is killed while it holds
 * the lock, the other has it as soon as the lease is over.
 *
 * Needs a Redis at REDIS_URL, by default redis://localhost:6379.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { takeover } from "./support/takeover.ts"

const layer = RedisBackend.layerConfig({
  url: Config.String("REDIS_URL").pipe(Config.withDefault("redis://localhost:6379")),
  keyPrefix: Config.succeed("example:")
})

takeover(layer, "a Redis at REDIS_URL, by default redis://localhost:6379").pipe(NodeRuntime.runMain)
