/**
 * Two processes, Redis behind Sentinels: as `redis.ts`, at whichever server the
 * Sentinels name.
 *
 * A failover keeps what the replica had heard of. A lock that was taken in the
 * last moment before the primary died may be taken a second time at the new one,
 * so what the lock protects should refuse a fencing token lower than one it has
 * seen. A lock that is older than that is kept: its holder renews it at the new
 * primary, if its lease is longer than the failover takes.
 *
 * Needs Sentinels at REDIS_URL, by default redis+sentinel://localhost:26379/mymaster.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { takeover } from "./support/takeover.ts"

const layer = RedisBackend.layerConfig({
  url: Config.String("REDIS_URL").pipe(Config.withDefault("redis+sentinel://localhost:26379/mymaster")),
  keyPrefix: Config.succeed("example:")
})

takeover(layer, "Sentinels at REDIS_URL, by default redis+sentinel://localhost:26379/mymaster").pipe(
  NodeRuntime.runMain
)
