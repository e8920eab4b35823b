/** A runner of a cluster, in a process of its own: a singleton, and in it a leader that writes with its fencing token. */
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Option, Redacted } from "effect"
import { Leader, type Lease } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { RunnerAddress, Singleton } from "effect/cluster"

export interface Order {
  readonly url: string
  readonly port: number
}

/** What it says, each on a line of its own. */
export type Said =
  | { readonly what: "singleton" | "no singleton" | "no leader" }
  | { readonly what: "wrote" | "refused"; readonly token: number }

const { port, url }: Order = JSON.parse(process.argv[2])
const say = (said: Said) => Effect.sync(() => void process.stdout.write(`${JSON.stringify(said)}\n`))

/** The storage refuses a token that is lower than one that it has seen. */
const write = Effect.fnUntraced(function*({ fencingToken: token }: Lease.Lease) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`UPDATE storage SET token = ${token} WHERE token <= ${token} RETURNING token`
  yield* say({ what: rows.length === 1 ? "wrote" : "refused", token })
})

const work = (lease: Lease.Lease) =>
  Effect.forever(Effect.andThen(write(lease), Effect.sleep("100 millis"))).pipe(
    Effect.onInterrupt(() => say({ what: "no leader" }))
  )

const tick = Effect.forever(Effect.andThen(say({ what: "singleton" }), Effect.sleep("100 millis"))).pipe(
  Effect.onInterrupt(() => say({ what: "no singleton" }))
)

const address = RunnerAddress.make("127.0.0.1", port)

const app = Singleton.make(
  "sweeper",
  Effect.all([tick, Leader.lead(work, "sweeper", { expires: "2 seconds" })], { concurrency: "unbounded" })
).pipe(
  Layer.provide(NodeClusterSocket.layer({
    storage: "sql",
    shardingConfig: {
      runnerAddress: Option.some(address),
      runnerListenAddress: Option.some(address),
      shardsPerGroup: 10,
      // As by default, but for a tenth of the time.
      shardLockExpiration: "4 seconds",
      shardLockRefreshInterval: "1 second",
      refreshAssignmentsInterval: "1 second",
      entityTerminationTimeout: "1 second"
    }
  })),
  Layer.provide(SqlBackend.layer({ url: Redacted.make(url) })),
  Layer.provide(PgClient.layer({ url: Redacted.make(url) }))
)

NodeRuntime.runMain(Layer.launch(app))
