#!/usr/bin/env bash
# openworkflow 0.10.1: each sleep of a workflow uses up one of its attempts, so one that has slept three times is not tried again at all.
#
# `retryPolicy: { maximumAttempts: 3 }` of a workflow is how often it is tried when its own code fails (steps have policies of their
# own), and the delay between two tries grows with the attempt. A workflow is there to sleep, for days if need be, and one expects
# that a sleep is no failure. But what is counted is how often a worker has taken the run, and a worker takes it anew after each
# sleep, each wait for a signal or a child, and each step that is retried by its own policy. A workflow that reminds somebody daily
# for a week has no attempts left on the third day, and nobody sees it until something fails: the same code, the same policy, no retry.
#
# Seen with Node 24 (a workflow that sleeps some times, and then fails; `maximumAttempts: 3`):
#
#     slept 0 times: tried 3 times
#     slept 1 times: tried 2 times
#     slept 2 times: tried 1 times
#     slept 7 times: tried 1 times
#     slept 0 times, a step was retried twice: tried 1 times
#
# Succeeds while this is so. What to do instead: what may fail belongs in steps; their attempts are their own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund openworkflow@0.10.1 node@24.21.0
cat > try.mjs << 'JS'
import { OpenWorkflow } from "openworkflow"
import { BackendSqlite } from "openworkflow/sqlite"

const backend = BackendSqlite.connect(":memory:")
const open = new OpenWorkflow({ backend })
const tried = new Map()
const define = (name, body) =>
  open.defineWorkflow({ name, retryPolicy: { maximumAttempts: 3, initialInterval: "10ms" } }, async ({ step }) => {
    await body(step)
    tried.set(name, (tried.get(name) ?? 0) + 1)
    throw new Error("out of order")
  })
const sleeps = (times) =>
  define(`slept ${times} times`, async (step) => {
    for (let i = 0; i < times; i++) await step.sleep(`day ${i}`, "10ms")
  })
let failures = 2
const retried = define("slept 0 times, a step was retried twice", (step) =>
  step.run({ name: "step", retryPolicy: { maximumAttempts: 5, initialInterval: "10ms" } }, () => {
    if (failures-- > 0) throw new Error("busy")
  }))
const workflows = [sleeps(0), sleeps(1), sleeps(2), sleeps(7), retried]
const worker = open.newWorker({ concurrency: 1 })
await worker.start()
for (const workflow of workflows) {
  const run = await workflow.run({})
  await run.result().catch(() => {})
}
for (const [name, times] of tried) console.log(`${name}: tried ${times} times`)
await worker.stop()
await backend.stop()
JS
expected="slept 0 times: tried 3 times
slept 1 times: tried 2 times
slept 2 times: tried 1 times
slept 7 times: tried 1 times
slept 0 times, a step was retried twice: tried 1 times"
seen=$(npx node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
