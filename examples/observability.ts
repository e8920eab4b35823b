/**
 * What one can see of locks: spans for waiting and holding, metrics per backend,
 * and who holds a lock right now.
 *
 * The tracer and the printing stand for what you have: with a tracer in place
 * (OpenTelemetry, for instance) the spans appear where the others do, and the
 * metrics are in Effect's registry like any other.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Metric, Option, Tracer } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

const spans: Array<Tracer.NativeSpan> = []
const tracer = Tracer.make({
  span: (options) => {
    const span = new Tracer.NativeSpan(options)
    spans.push(span)
    return span
  }
})

const millisOf = ({ status }: Tracer.NativeSpan) =>
  status._tag === "Ended" ? Math.round(Number(status.endTime - status.startTime) / 1_000_000) : NaN

const order = (name: string) =>
  Effect.sleep("1 second").pipe(
    Lock.withLock("orders", { timeout: "10 seconds" }),
    Effect.withSpan(name)
  )

const program = Effect.gen(function*() {
  yield* Console.log("Who holds it:")
  const look = Effect.flatMap(
    Lock.inspect("orders"),
    Option.match({
      onNone: () => Console.log("  nobody"),
      onSome: ({ owner, remaining = Duration.zero }) =>
        Console.log(`  ${owner}, for ${Math.round(Duration.toSeconds(remaining))} seconds unless it renews`)
    })
  )
  yield* look
  yield* Lock.withLock(look, "orders", { expires: "30 seconds" })

  yield* Effect.all([order("order 1"), order("order 2")], { concurrency: "unbounded" }).pipe(Effect.withTracer(tracer))
  yield* Lock.withLock(Lock.once(Effect.void, "orders"), "orders")

  yield* Console.log("Spans:")
  for (const order of spans.filter((span) => span.name.startsWith("order"))) {
    yield* Console.log(`  ${order.name}`)
    for (const span of spans) {
      if (Option.getOrUndefined(span.parent)?.spanId !== order.spanId) continue
      const long = millisOf(span) >= 500 ? "long" : "short"
      yield* Console.log(`    ${span.name} of "${span.attributes.get("lock.key")}": ${long}`)
    }
  }

  yield* Console.log("Metrics:")
  const metrics = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("lock_"))
  for (const { attributes, id, state } of metrics.toSorted((a, b) => a.id < b.id ? -1 : 1)) {
    const value = "value" in state ? state.value : "count" in state ? state.count : undefined
    const { backend, kind, outcome } = attributes ?? {}
    if (kind !== undefined && value === 0) continue
    const more = outcome === undefined ? "" : `,outcome="${outcome}"`
    yield* Console.log(`  ${id}{backend="${backend}"${more}} ${value}`)
  }
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
