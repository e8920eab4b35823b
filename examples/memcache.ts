/**
 * Two processes, one memcached: they take turns, and when one is killed while it
 * holds the lock, the other has it as soon as the server has forgotten it, which is
 * up to 3 seconds after the lease is over, as memcached counts in whole seconds.
 *
 * Needs a memcached at MEMCACHED_URL, by default memcache://localhost:11211.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config } from "effect"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"
import { takeover } from "./support/takeover.ts"

const layer = MemcacheBackend.layerConfig({
  url: Config.String("MEMCACHED_URL").pipe(Config.withDefault("memcache://localhost:11211")),
  keyPrefix: Config.succeed("example:")
})

takeover(layer, "a memcached at MEMCACHED_URL, by default memcache://localhost:11211").pipe(NodeRuntime.runMain)
