#!/usr/bin/env bash
# Node 24.21.0 and 26.10.0: `navigator.locks.query()` shows the locks of the thread that asks, and of no other.
#
# Web Locks exclude each other across all threads of a process, and the documentation says that `query()` describes the
# locks that are held and waited for "for the current process" (as in browsers, where it is the whole origin). But a lock
# that a worker holds is in no snapshot of another thread, even while a request for it is refused there; nor is there a
# sign that something waits behind one's own lock. An empty snapshot therefore says nothing about who holds a lock.
#
# What to do instead: ask with `ifAvailable`, or let each thread report its own.
#
# Seen on each of them:
#
#     the worker sees held: worker; pending: main
#     the main thread sees held: main; pending: 
#     the worker's lock, asked for by the main thread: taken
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.mjs << 'JS'
import { isMainThread, parentPort, Worker } from "node:worker_threads"

const look = async (who) => {
  const { held, pending } = await navigator.locks.query()
  const names = (locks) => locks.map((lock) => lock.name).join(", ")
  console.log(`${who} sees held: ${names(held)}; pending: ${names(pending)}`)
}

if (isMainThread) {
  navigator.locks.request("main", () => new Promise(() => {}))
  const worker = new Worker(new URL(import.meta.url))
  const said = (word) => new Promise((resolve) => worker.on("message", (it) => it === word && resolve()))
  await said("looked")
  await look("the main thread")
  const asked = await navigator.locks.request("worker", { ifAvailable: true }, async (lock) => lock ? "free" : "taken")
  console.log(`the worker's lock, asked for by the main thread: ${asked}`)
  process.exit()
} else {
  navigator.locks.request("worker", async () => {
    navigator.locks.request("main", async () => {})
    await new Promise((resolve) => setTimeout(resolve, 200))
    await look("the worker")
    parentPort.postMessage("looked")
    await new Promise(() => setInterval(() => {}, 1000))
  })
}
JS
expected="the worker sees held: worker; pending: main
the main thread sees held: main; pending: 
the worker's lock, asked for by the main thread: taken"
for version in 24.21.0 26.10.0; do
  echo "node $version"
  seen=$(npx --yes --package "node@$version" node try.mjs)
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
