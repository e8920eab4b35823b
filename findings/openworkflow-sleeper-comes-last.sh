#!/usr/bin/env bash
# openworkflow 0.10.1: a workflow that has slept goes on when there is no new one left, and on a busy day never.
#
# A worker takes what is due. One expects the longest due first, or that what has begun goes before what has not, which is what
# Cloudflare's workflows do, "so that older instances can run to completion and are not blocked by newer ones". Here it is the
# other way round: runs that never began come first, whenever they were made, and then those that have slept, waited for a signal or a child,
# by the time they are due. As long as there are as many new ones as the workers get done, an order that slept for 50 ms to be
# paid sleeps on, with what it has reserved; its timers count for nothing, and its deadline runs.
#
# Seen with Node 24 (a worker; an order that sleeps for 50 ms, and mails, each of which makes the next one, for some seconds):
#
#     the order's sleep was over; mails that were made after that, and done before the order went on: 40 of 40
#
# Succeeds while this is so. PostgreSQL and SQLite are asked in the same order. What to do instead: workers of their own for what is short.
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
let over = Infinity
let made = 0
let before = 0
let goesOn = false
const order = open.defineWorkflow({ name: "order" }, async ({ step }) => {
  await step.run({ name: "reserve" }, () => {
    over = Date.now() + 500
  })
  await step.sleep("until it is paid", "50ms")
  goesOn = true
})
const mail = open.defineWorkflow({ name: "mail" }, async ({ input, step }) => {
  await step.run({ name: "send" }, () => new Promise((done) => setTimeout(done, 20)))
  if (input.late && !goesOn) before++
  const late = Date.now() > over
  if (late && made === 40) return
  if (late) made++
  await mail.run({ late })
})
const worker = open.newWorker({ concurrency: 1 })
const run = await order.run({})
await mail.run({ late: false })
await mail.run({ late: false })
await worker.start()
await run.result({ timeoutMs: 60_000 })
console.log(`the order's sleep was over; mails that were made after that, and done before the order went on: ${before} of 40`)
await worker.stop()
await backend.stop()
JS
expected="the order's sleep was over; mails that were made after that, and done before the order went on: 40 of 40"
seen=$(npx node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
