#!/usr/bin/env bash
# Node 24.21.0 and 26.10.0: a worker thread that waits for a Web Lock ends instead, without the lock and without an error.
#
# `navigator.locks.request` is for threads that wait for each other. One expects a thread to be there until the lock is its own, as
# a page is in a browser, and as a thread is that waits by `Atomics.wait`. But a request that waits keeps no thread alive. If it
# has nothing else to do, no timer and no socket, it ends while another one holds the lock, its callback is never called, and its
# exit code is 0: all that was to be done with the lock is left out, and whoever joins the worker is told of success. (With a
# top-level await it is 13.) `AbortSignal.timeout` as a limit does not help, for its timer keeps nothing alive either. It is
# the same for a program without threads that waits for itself.
#
# Seen (the main thread holds the lock for a second):
#
#     v24.21.0: the worker waits; ended before the lock was given back, with 0
#     v24.21.0, with a timer: the worker waits; has it; ended after the lock was given back, with 0
#     v26.10.0: the worker waits; ended before the lock was given back, with 0
#     v26.10.0, with a timer: the worker waits; has it; ended after the lock was given back, with 0
#
# Succeeds while this is so. What to do instead: an interval (`setInterval(() => {}, 2 ** 30)`) for as long as one waits.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > try.mjs << 'JS'
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const hold = () =>
  new Promise((held) => {
    navigator.locks.request("job", () => new Promise((release) => held(release)))
  })
const look = async (words, timer) => {
  const release = await hold()
  let released = false
  const seen = []
  const worker = new Worker(new URL(import.meta.url), { workerData: timer })
  worker.on("message", (message) => seen.push(message))
  const ended = new Promise((resolve) =>
    worker.on("exit", (code) => {
      seen.push(`ended ${released ? "after" : "before"} the lock was given back, with ${code}`)
      resolve()
    })
  )
  await sleep(1000)
  released = true
  release()
  await ended
  console.log(`${process.version}${words}: the worker ${seen.join("; ")}`)
}
if (isMainThread) {
  await look("", false)
  await look(", with a timer", true)
} else {
  const work = async () => {
    const timer = workerData ? setInterval(() => {}, 2 ** 30) : undefined
    parentPort.postMessage("waits")
    await navigator.locks.request("job", () => parentPort.postMessage("has it"))
    clearInterval(timer)
  }
  work()
}
JS
expected="v24.21.0: the worker waits; ended before the lock was given back, with 0
v24.21.0, with a timer: the worker waits; has it; ended after the lock was given back, with 0
v26.10.0: the worker waits; ended before the lock was given back, with 0
v26.10.0, with a timer: the worker waits; has it; ended after the lock was given back, with 0"
seen=$(for name in node24 node26; do "node_modules/$name/bin/node" try.mjs; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
