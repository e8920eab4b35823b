/** A primary with a replica, and three Sentinels that watch over them. */
import { Effect, Option } from "effect"
import type { Scope } from "effect"
import type { Redis } from "ioredis"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { directory } from "./directory.ts"
import { client, redis, until } from "./redis.ts"
import { freePort, type Server, type ServerError, start } from "./server.ts"

interface Watched {
  readonly primary: Server
  readonly replica: Server
  readonly sentinels: ReadonlyArray<number>
  /** `redis+sentinel://…` */
  readonly url: string
  /** The primary that the Sentinels name. */
  readonly current: Effect.Effect<number>
  /** Asks for a planned failover, and waits until the Sentinels name the other one. */
  readonly failover: Effect.Effect<void>
  /** Waits until the Sentinels name it. */
  readonly named: (port: number) => Effect.Effect<void>
}

const name = "mymaster"

export const watched: Effect.Effect<Watched, ServerError, Scope.Scope> = Effect.gen(function*() {
  const primary = yield* redis("--repl-diskless-sync-delay", "0")
  const replica = yield* redis("--replicaof", "127.0.0.1", String(primary.port), "--repl-diskless-sync-delay", "0")
  const sentinels: Array<Server> = []
  for (let i = 0; i < 3; i++) {
    const port = yield* freePort
    const file = join(yield* directory, "sentinel.conf")
    writeFileSync(
      file,
      [
        `port ${port}`,
        "bind 127.0.0.1",
        `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
        // A busy machine must not look like a dead primary.
        `sentinel down-after-milliseconds ${name} 5000`,
        `sentinel failover-timeout ${name} 5000`,
        ""
      ].join("\n")
    )
    sentinels.push(yield* start("redis-server", [file, "--sentinel"], port))
  }
  const looks: Array<Redis> = []
  for (const { port } of sentinels) looks.push(yield* client(port))
  const known = /slaves=1,sentinels=3/
  yield* until(
    Effect.promise(async () =>
      (await Promise.all(looks.map((look) => look.info("sentinel")))).every((info) => known.test(info))
    )
  )
  const current = Effect.promise(async () => {
    const address = await looks[0].call("sentinel", "get-master-addr-by-name", name) as ReadonlyArray<string>
    return Number(address[1])
  })
  const named = (port: number) => until(Effect.map(current, (one) => one === port))
  return {
    primary,
    replica,
    sentinels: sentinels.map(({ port }) => port),
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${name}`,
    named,
    current,
    failover: Effect.flatMap(current, (before) =>
      // A replica that is not known to be well yet is no candidate, and on a busy host a failover may be given up: then once more.
      // One that goes on is not begun again.
      Effect.repeat(
        Effect.andThen(
          Effect.promise(() => looks[0].call("sentinel", "failover", name).catch(() => {})),
          Effect.timeoutOption(until(Effect.map(current, (now) => now !== before)), "1 second")
        ),
        { until: Option.isSome }
      )).pipe(Effect.asVoid)
  }
})
