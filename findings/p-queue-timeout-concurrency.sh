#!/usr/bin/env bash
# p-queue 9.3.5 and 10.0.0: with a `timeout`, `concurrency: 1` runs tasks beside each other, and "idle" is said while they do.
#
# `concurrency` bounds how many tasks run, and of `onIdle` it is said that it "guarantees that all work from the queue has
# finished". That a promise cannot be ended from outside is known, so one expects of a `timeout` that the task is told, and
# keeps its place until it has ended. In 9.3.5 nobody tells it (the `signal` is the caller's own, or none); in 10.0.0 its signal
# is aborted. In both the place is given to the next task at once, while the work of the last one goes on, be it only to undo
# what it did. A queue of one thus runs five at once, just when they are slow, and is idle while all five are at work. The
# same goes for a task that the caller aborts while it runs, which has to heed the signal itself, as the manual says.
#
# Seen (5 tasks of 1,000 ms; for the second, the caller aborts the first of two tasks after 100 ms):
#
#     p-queue 9.3.5, Node 20
#     timeout of 100 ms: 5 at once, told: 0, idle with 5 still at work
#     abort: 2 at once, told: 1, idle with 0 still at work
#     neither: 1 at once, told: 0, idle with 0 still at work
#     p-queue 10.0.0, Node 22
#     timeout of 100 ms: 5 at once, told: 5, idle with 5 still at work
#     abort: 2 at once, told: 1, idle with 0 still at work
#     neither: 1 at once, told: 0, idle with 0 still at work
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
cat > try.mjs << 'JS'
import PQueue from "p-queue"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (options, tasks) => {
  const queue = new PQueue({ concurrency: 1, ...options })
  let running = 0, most = 0, told = 0
  for (const task of tasks) {
    const work = async ({ signal }) => {
      signal?.addEventListener("abort", () => told++)
      most = Math.max(most, ++running)
      await sleep(1000)
      running--
    }
    queue.add(work, task).catch(() => {})
  }
  await queue.onIdle()
  const left = running
  await sleep(2000)
  return `${most} at once, told: ${told}, idle with ${left} still at work`
}
console.log("timeout of 100 ms:", await look({ timeout: 100 }, [{}, {}, {}, {}, {}]))
const controller = new AbortController()
setTimeout(() => controller.abort(), 100)
console.log("abort:", await look({}, [{ signal: controller.signal }, {}]))
console.log("neither:", await look({}, [{}, {}]))
JS
for versions in "9.3.5 20.20.2 0" "10.0.0 22.19.0 5"; do
  read -r queue node told <<< "$versions"
  npm install --silent --no-audit --no-fund "p-queue@$queue"
  echo "p-queue $queue, node $node"
  expected="timeout of 100 ms: 5 at once, told: $told, idle with 5 still at work
abort: 2 at once, told: 1, idle with 0 still at work
neither: 1 at once, told: 0, idle with 0 still at work"
  seen=$(npx --yes --package "node@$node" node try.mjs)
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
