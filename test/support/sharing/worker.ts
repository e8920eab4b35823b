/**
 * A process with fibers that want one key in every way: alone, as readers, and
 * with permits. Each section is two lines of a file, so a kill loses none that began.
 *
 *     worker.ts <redis|cluster|postgres> <port> <file> <fibers> <seed>
 */
import { NodeRedis } from "@effect/platform-node"
import { Duration, Effect, Layer } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import * as SqlBackend from "effect-lock/SqlBackend"
import { appendFileSync } from "node:fs"
import { Random } from "../../simulation/random.ts"

const [server, port, file, fibers, seed] = process.argv.slice(2)

export interface Entered {
  readonly id: string
  readonly at: number
  /** When it began to ask. */
  readonly asked: number
  /** Rises with every grant. */
  readonly fence: number
  readonly permits: number
  /** 0 for one that is alone. */
  readonly limit: number
}

export interface Left {
  readonly id: string
  readonly at: number
  /** The lease had not ended when it left. */
  readonly inTime: boolean
}

/** By the clock that all processes of a host share, in nanoseconds. */
const instant = () => Number(process.hrtime.bigint())
const say = (line: Entered | Left) => appendFileSync(file, JSON.stringify(line) + "\n")

const chance = new Random(Number(seed))
let sections = 0

const section = (asked: number, permits: number, limit: number) => (lease: Lock.Lease) =>
  Effect.suspend(() => {
    const id = `${process.pid}-${++sections}`
    say({ id, at: instant(), asked, fence: lease.fencingToken, permits, limit })
    return Effect.ensuring(
      Effect.sleep(chance.next() * 4),
      Effect.suspend(() => {
        const at = instant()
        return Effect.map(
          lease.remaining,
          (remaining) => say({ id, at, inTime: Duration.toMillis(remaining) > 0 })
        )
      })
    )
  })

const options = { expires: "1 second", timeout: "60 seconds" } as const
const unlimited = Number.MAX_SAFE_INTEGER

const turn = Effect.suspend(() => {
  const dice = chance.next()
  const asked = instant()
  if (dice < 0.15) return Lock.withLock(section(asked, 1, 0), "k", options)
  if (dice < 0.5) return Lock.withSharedLock(section(asked, 1, unlimited), "k", options)
  const permits = 1 + Math.floor(chance.next() * 3)
  return Lock.withPermits(section(asked, permits, 5), "k", { ...options, limit: 5, permits })
})

const at = { host: "127.0.0.1", port: Number(port) }
const layer = server === "cluster"
  ? Layer.provide(RedisBackend.layerRedis({ cluster: true }), NodeRedis.layer({ socket: at }))
  : server === "redis"
  ? RedisBackend.layer(at)
  : Layer.orDie(SqlBackend.layer({ url: `postgres://app@127.0.0.1:${port}/postgres` }))

await Effect.runPromise(
  Effect.forEach(Array.from({ length: Number(fibers) }), () => Effect.forever(Effect.ignore(turn)), {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.provide(layer))
)
