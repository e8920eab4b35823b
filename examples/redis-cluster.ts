/**
 * Two processes, a Redis Cluster: as `redis.ts`. Locks spread over the nodes by
 * their keys, and each is a command of its own.
 *
 * A failover of a node may lose the locks that were taken there in the last
 * moment before, and gives them to a second holder: what they protect should
 * refuse a fencing token lower than one it has seen.
 *
 * Needs a cluster at REDIS_URL, by default redis+cluster://localhost:7000.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { takeover } from "./support/takeover.ts"

const layer = RedisBackend.layerConfig({
  url: Config.String("REDIS_URL").pipe(Config.withDefault("redis+cluster://localhost:7000")),
  keyPrefix: Config.succeed("example:")
})

takeover(layer, "a Redis Cluster at REDIS_URL, by default redis+cluster://localhost:7000").pipe(NodeRuntime.runMain)
