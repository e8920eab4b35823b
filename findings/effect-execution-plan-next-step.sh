#!/usr/bin/env bash
# effect 4.1.0: a step of an `ExecutionPlan` asks its own `while` about the failure of the step before, and is left out for it.
#
# A plan is "try the near store twice, then the far one", and `while` of a step says which failures are worth another attempt: one
# expects it to be asked about failures of that step, after its first attempt, as it is for the first step. But a later step
# begins with the last failure of the step before, as if that had been its own first attempt. So with one rule on both
# ("the key is unknown there: do not ask again"), the far store is never asked, and the plan fails with the near one's word.
# For the same reason a `schedule` means another thing in each place: `recurs(2)` is three attempts in the first step and two in
# a later one, and a backoff delays the fallback itself.
#
# Seen with Node 24:
#
#     the same `while` on both steps: asked near, failed with unknown
#     `while` on the first step alone: asked near far, found it
#     `recurs(2)` on each step: near near near far far
#     `spaced("500 millis")` on the second step: waited before the fallback: yes
#
# Succeeds while this is so. What to do instead: no `while` and no `schedule` in later steps but what is meant for the failure that
# led there too; `attempts` alone is as one expects.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Context, Duration, Effect, ExecutionPlan, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"

class Store extends Context.Service()("Store") {}
const near = Context.make(Store, "near")
const far = Context.make(Store, "far")
let asked = []
const ask = (answer) =>
  Effect.flatMap(Store, (store) => {
    asked.push(store)
    return answer(store)
  })
const found = ask((store) => store === "far" ? Effect.succeed("found it") : Effect.fail("unknown"))
const never = ask(() => Effect.fail("unknown"))
const seen = (effect, plan) =>
  Effect.suspend(() => {
    asked = []
    return effect.pipe(
      Effect.withExecutionPlan(plan),
      Effect.catch((error) => Effect.succeed(`failed with ${error}`)),
      Effect.map((result) => [asked.join(" "), result])
    )
  })

const worth = (error) => error !== "unknown"
await Effect.runPromise(Effect.gen(function*() {
  const both = ExecutionPlan.make({ provide: near, attempts: 2, while: worth }, { provide: far, attempts: 2, while: worth })
  const [first, failed] = yield* seen(found, both)
  console.log(`the same \`while\` on both steps: asked ${first}, ${failed}`)
  const one = ExecutionPlan.make({ provide: near, attempts: 2, while: worth }, { provide: far, attempts: 2 })
  const [second, result] = yield* seen(found, one)
  console.log(`\`while\` on the first step alone: asked ${second}, ${result}`)
  const schedule = Schedule.recurs(2)
  const [third] = yield* seen(never, ExecutionPlan.make({ provide: near, schedule }, { provide: far, schedule }))
  console.log(`\`recurs(2)\` on each step: ${third}`)
  const spaced = ExecutionPlan.make({ provide: near }, { provide: far, schedule: Schedule.spaced("500 millis"), attempts: 2 })
  const fiber = yield* Effect.forkChild(seen(found, spaced))
  yield* TestClock.adjust(Duration.millis(499))
  const waits = asked.join() === "near"
  yield* TestClock.adjust(Duration.millis(1))
  yield* Fiber.join(fiber)
  console.log(`\`spaced("500 millis")\` on the second step: waited before the fallback: ${waits ? "yes" : "no"}`)
}).pipe(Effect.provide(TestClock.layer()), Effect.scoped))
JS
expected='the same `while` on both steps: asked near, failed with unknown
`while` on the first step alone: asked near far, found it
`recurs(2)` on each step: near near near far far
`spaced("500 millis")` on the second step: waited before the fallback: yes'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
