/**
 * A lock per tenant: the jobs of one tenant run one after the other, those of
 * different tenants at the same time. The key is made of the job's own fields.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Array, Clock, Console, Effect } from "effect"
import { Lock, LockKey } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

interface Job {
  readonly tenant: string
  readonly name: string
}

interface Run extends Job {
  readonly began: number
  readonly ended: number
}

const importKey = LockKey.template("import-{tenant}")

const runImport = Effect.fnUntraced(
  function*({ name, tenant }: Job) {
    const began = yield* Clock.currentTimeMillis
    yield* Effect.sleep("50 millis")
    return { name, tenant, began, ended: yield* Clock.currentTimeMillis } satisfies Run
  },
  // Effect.fn hands the arguments on to the combinators that follow the body
  (effect, { tenant }) => Lock.withLock(effect, importKey({ tenant }), { timeout: "10 seconds" })
)

const jobs: ReadonlyArray<Job> = [
  { tenant: "acme", name: "customers" },
  { tenant: "acme", name: "orders" },
  { tenant: "globex", name: "customers" },
  { tenant: "acme", name: "invoices" },
  { tenant: "globex", name: "orders" }
]

const overlap = (one: Run, other: Run) => one.began < other.ended && other.began < one.ended

const program = Effect.gen(function*() {
  const runs = yield* Effect.forEach(jobs, runImport, { concurrency: "unbounded" })
  for (const [tenant, own] of Object.entries(Array.groupBy(runs, (run) => run.tenant))) {
    const inOrder = own.toSorted((one, other) => one.began - other.began)
    const serial = inOrder.every((run, i) => i === 0 || !overlap(run, inOrder[i - 1]))
    yield* Console.log(
      `${tenant}: ${inOrder.map((run) => run.name).join(", ")} (${serial ? "one by one" : "overlapping!"})`
    )
  }
  const parallel = runs.some((one) => runs.some((other) => one.tenant !== other.tenant && overlap(one, other)))
  yield* Console.log(`Different tenants ran ${parallel ? "at the same time" : "one by one!"}.`)
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
