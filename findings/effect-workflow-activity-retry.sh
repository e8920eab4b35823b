#!/usr/bin/env bash
# effect 4.1.0: an activity of a workflow that is retried by `Effect.retry` is not done again, and one in a loop is done once.
#
# An activity is an `Effect`, and whoever writes workflows with Effect retries it as any other: `Effect.retry(schedule)`. But what an
# activity answered is kept by its name, its failure too. So the service is asked once, all later attempts are given the failure
# of the first from the store, and the workflow fails after the whole schedule, though the service was back at once. That failure is
# final: executing the workflow again gives it again. `Activity.retry`, "retries an effect with `Effect.retry` while updating
# `CurrentAttempt`", is what does try again. The same goes for a loop: an activity that is made in it under one name, for each
# of three payments, is done for the first one and answers for the others with what that one answered.
#
# Seen with Node 20 (a service that fails twice; the engine in memory):
#
#     Effect.retry: fails, down; asked 1 of 6 times
#     executed again: fails, down; asked 1 of 6 times
#     Activity.retry: succeeds, paid; asked 3 of 6 times
#     three payments in a loop: succeeds, paid 10, paid 10, paid 10
#
# Succeeds while this is so. What to do instead: `Activity.retry`, and the loop's key in the name.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Exit, Layer, Schema } from "effect"
import { Activity, Workflow, WorkflowEngine } from "effect/workflow"

let asked
const pay = Activity.make({
  name: "pay",
  success: Schema.String,
  error: Schema.String,
  execute: Effect.suspend(() => ++asked <= 2 ? Effect.fail("down") : Effect.succeed("paid"))
})
const look = (words, name, times, body) =>
  Effect.gen(function*() {
    const workflow = Workflow.make(name, {
      payload: { id: Schema.String },
      success: Schema.String,
      error: Schema.String,
      idempotencyKey: (payload) => payload.id
    })
    asked = 0
    yield* Effect.forEach(words, (words) =>
      Effect.map(Effect.exit(workflow.execute({ id: "1" })), (exit) => {
        const said = Exit.isSuccess(exit) ? `succeeds, ${exit.value}` : `fails, ${exit.cause.reasons[0].error}`
        console.log(`${words}: ${said}${times ? `; asked ${asked} of 6 times` : ""}`)
      })).pipe(Effect.provide(workflow.toLayer(() => body)))
  })
const loop = Effect.forEach([10, 20, 30], (amount) =>
  Activity.make({ name: "pay", success: Schema.String, execute: Effect.sync(() => `paid ${amount}`) }))
await Effect.runPromise(
  Effect.gen(function*() {
    yield* look(["Effect.retry", "executed again"], "one", true, Effect.retry(pay, { times: 5 }))
    yield* look(["Activity.retry"], "two", true, Activity.retry(pay, { times: 5 }))
    yield* look(["three payments in a loop"], "three", false, Effect.map(loop, (paid) => paid.join(", ")))
  }).pipe(Effect.provide(WorkflowEngine.layerMemory), Effect.scoped)
)
JS
expected="Effect.retry: fails, down; asked 1 of 6 times
executed again: fails, down; asked 1 of 6 times
Activity.retry: succeeds, paid; asked 3 of 6 times
three payments in a loop: succeeds, paid 10, paid 10, paid 10"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
