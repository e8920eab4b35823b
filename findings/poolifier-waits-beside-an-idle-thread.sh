#!/usr/bin/env bash
# poolifier 5.3.2: a short task waits for a long one while a thread is idle, and an abort signal does not end the wait of its caller.
#
# A pool of two threads gives a task to one that is idle, one expects, and if none is, to the first that is. By default it gives the tasks
# to its threads in turn, whatever these have to do: of four short ones that come while one thread is at a long one, two wait behind it,
# and the other thread does nothing. `execute` takes an abort signal; but the signal is sent to the thread, as a message, and the thread
# says that it has ended the task. A thread that computes, which is what such a pool is for, reads no messages: the caller waits to the
# end, and is given the result.
#
# Seen (two threads; one task that computes for two seconds, four of 10 ms; then a task of one second whose signal is aborted after 100
# ms):
#
#     default: short 1, short 3, long, short 2, short 4
#       aborted after 100 ms: result
#
# Succeeds while this is so. What to do instead: a pool with one queue for all threads (piscina, tinypool), which ends the thread of an
# aborted task.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund poolifier@5.3.2
cat > try.mjs << 'JS'
import { writeFileSync } from "node:fs"
import { FixedThreadPool } from "poolifier"

writeFileSync("worker.mjs", `
import { ThreadWorker } from "poolifier"
export default new ThreadWorker(({ name, ms }) => {
  const end = performance.now() + ms
  while (performance.now() < end);
  return name
})
`)
const look = async (words, options) => {
  const pool = new FixedThreadPool(2, "./worker.mjs", options)
  const task = (name, ms, signal) => pool.execute({ name, ms }, undefined, signal)
  // Both threads are up.
  await Promise.all([task("", 1), task("", 1)])
  const order = []
  const tell = (name) => order.push(name)
  const long = task("long", 2000).then(tell)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await Promise.all([1, 2, 3, 4].map((n) => task(`short ${n}`, 10).then(tell)))
  await long
  console.log(`${words}: ${order.join(", ")}`)
  const told = await task("result", 1000, AbortSignal.timeout(100)).catch((error) => error.message)
  console.log(`  aborted after 100 ms: ${told}`)
  await pool.destroy()
}
await look("default", {})
process.exit()
JS
expected="default: short 1, short 3, long, short 2, short 4
  aborted after 100 ms: result"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
