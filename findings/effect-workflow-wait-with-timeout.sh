#!/usr/bin/env bash
# effect 4.1.0: a time limit around a wait of a workflow never comes to its end, and cleaning up is done before the wait, not after it.
#
# `DurableDeferred.await(paid).pipe(Effect.timeoutOption("1 hour"))` in a workflow says: wait for the payment, for an hour at most. And
# `Effect.ensuring` around the wait says what is to be done after it, however it ends. But a workflow that waits is put away: its
# fiber is interrupted, and it is run anew when somebody completes what it waits for. So the finalizer runs at once, while
# the order still waits (a seat is given back that is about to be paid), and the limit is gone with the fiber: the workflow waits
# for good. The types allow both. A race with a `DurableClock` lasts.
#
# Seen with Node 24 (a limit of 300 ms; looked at after 900 ms; the last one is told "paid" then):
#
#     Effect.timeoutOption: seat given back, still waiting; when it was paid: seat given back, paid
#     DurableDeferred.raceAll with a DurableClock: not paid
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Layer, Option, Schema } from "effect"
import { DurableClock, DurableDeferred, Workflow, WorkflowEngine } from "effect/workflow"

const payload = { id: Schema.String }
const make = (name) => Workflow.make(name, { payload, success: Schema.String, idempotencyKey: ({ id }) => id })
const paid = DurableDeferred.make("paid", { success: Schema.String })
const Limited = make("Limited")
const Raced = make("Raced")
let seen = []
const layer = Layer.mergeAll(
  Limited.toLayer(() =>
    DurableDeferred.await(paid).pipe(
      Effect.ensuring(Effect.sync(() => seen.push("seat given back"))),
      Effect.timeoutOption("300 millis"),
      Effect.map(Option.getOrElse(() => "not paid"))
    )
  ),
  Raced.toLayer(() =>
    DurableDeferred.raceAll({
      name: "payment",
      success: Schema.String,
      error: Schema.Never,
      effects: [
        DurableDeferred.await(paid),
        DurableClock.sleep({ name: "limit", duration: "300 millis", inMemoryThreshold: 0 }).pipe(Effect.as("not paid"))
      ]
    })
  )
).pipe(Layer.provideMerge(WorkflowEngine.layerMemory))

const looked = (workflow) =>
  Effect.gen(function*() {
    const executionId = yield* workflow.execute({ id: "1" }, { discard: true })
    yield* Effect.sleep(900)
    const result = Option.getOrUndefined(yield* workflow.poll(executionId))
    return [executionId, result?._tag === "Complete" ? result.exit.value : "still waiting"]
  })

await Effect.runPromise(Effect.gen(function*() {
  const [executionId, state] = yield* looked(Limited)
  const before = [...seen, state].join(", ")
  seen = []
  const token = DurableDeferred.tokenFromExecutionId(paid, { workflow: Limited, executionId })
  yield* DurableDeferred.succeed(paid, { token, value: "paid" })
  yield* Effect.sleep(300)
  const { value } = yield* Limited.poll(executionId)
  console.log(`Effect.timeoutOption: ${before}; when it was paid: ${[...seen, value.exit.value].join(", ")}`)
  const [, raced] = yield* looked(Raced)
  console.log(`DurableDeferred.raceAll with a DurableClock: ${raced}`)
}).pipe(Effect.provide(layer), Effect.scoped))
process.exit()
JS
expected="Effect.timeoutOption: seat given back, still waiting; when it was paid: seat given back, paid
DurableDeferred.raceAll with a DurableClock: not paid"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
