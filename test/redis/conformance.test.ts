/** Redis through the client that the library brings along; `clients.test.ts` has all others. */
import { Effect } from "effect"
import { conformance } from "effect-lock/testing"
import { conforms } from "../support/conforms.ts"
import { program } from "../support/program.ts"
import { redis, shared } from "../support/redis.ts"
import { ownKeys, pair } from "../support/redisPair.ts"
import { flavours } from "../support/redisStores.ts"

const server = shared(redis())
const [{ make, name }] = flavours

conforms(
  `Redis conforms (${name})`,
  conformance.conformance({
    name,
    lease: "2 seconds",
    make: Effect.gen(function*() {
      const { port } = yield* server
      const options = yield* ownKeys
      return {
        ...yield* pair(make(port, options)),
        program: yield* program("redis", JSON.stringify({ host: "127.0.0.1", port, ...options }))
      }
    })
  })
)
