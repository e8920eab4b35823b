#!/usr/bin/env bash
# queue 7.0.0: a job that fails throws away all that wait, who are never told, and new ones are let in beside those that are at work.
#
# A queue with `autostart: true` runs for as long as a service does, and its jobs have nothing to do with each other. "After a job passes
# an error to its callback", an "error" is dispatched, the documentation says; and one expects the next job then. But the queue
# listens to it itself, and ends: what waits is dropped, with no event for any of it, and what is at work is forgotten, though it
# goes on. What is pushed after that begins at once, beside it, as if nobody were there: of `concurrency: 2` it is three. What the
# forgotten ones give counts for nothing, a success is not told.
#
# Seen with Node 20 (`concurrency: 2`; a is long, b fails or does not, c and d wait; e and f are pushed afterwards):
#
#     b succeeds: done b c d e f a, at most 2 at a time, told of: b c d e f a
#     b fails: done e f a, at most 3 at a time, told of: e f
#
# Succeeds while this is so. What to do instead: jobs that catch their errors.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund queue@7.0.0
cat > try.mjs << 'JS'
import Queue from "queue"
import { setTimeout } from "node:timers/promises"

const look = async (words, fails) => {
  const queue = new Queue({ concurrency: 2, autostart: true })
  const told = []
  queue.addEventListener("success", (event) => told.push(event.detail.result[0]))
  let now = 0
  let most = 0
  const done = []
  const job = (name, until, failing = false) => async () => {
    most = Math.max(most, ++now)
    await until
    now--
    if (failing) throw new Error("failed")
    done.push(name)
    return name
  }
  let end
  const long = new Promise((resolve) => end = resolve)
  queue.push(job("a", long), job("b", setTimeout(20), fails), job("c"), job("d"))
  await setTimeout(100)
  queue.push(job("e", setTimeout(20)), job("f", setTimeout(40)))
  await setTimeout(200)
  end()
  await setTimeout(50)
  console.log(`${words}: done ${done.join(" ")}, at most ${most} at a time, told of: ${told.join(" ")}`)
}
await look("b succeeds", false)
await look("b fails", true)
JS
expected="b succeeds: done b c d e f a, at most 2 at a time, told of: b c d e f a
b fails: done e f a, at most 3 at a time, told of: e f"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
