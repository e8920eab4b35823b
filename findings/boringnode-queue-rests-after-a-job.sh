#!/usr/bin/env bash
# @boringnode/queue 0.6.0 (the queue of AdonisJS): with `concurrency: 2`, a worker rests for five seconds after each longer job.
#
# With more than one place a worker is to be faster, or as fast. While one place is free it looks for jobs each `idleDelay` (2 s), and begins
# each time a new wait for the first job to end. When that job ends, the oldest of these waits takes it from the list, and the
# newest, which the worker listens to, finds nothing there: a TypeError, which is taken for an error of the adapter, for which a worker
# rests for 5 s. It is seen with `NODE_DEBUG` only. So after each job that took longer than `idleDelay` beside a free place nothing is
# begun for five seconds, however urgent; with `concurrency: 1` there is no free place to look for jobs for, and nothing of the kind.
#
# Seen with redis-server 7.0.15, Node 24 (`idleDelay: "200ms"`; a job of a second, and one that is dispatched half a second after its end):
#
#     concurrency 1: the next job began at once
#     concurrency 2: the next job began after four to five seconds
#
# Succeeds while this is so. What to do instead: several workers with `concurrency: 1`.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @boringnode/queue@0.6.0 ioredis@5.11.1 node@24.21.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Job, Locator, QueueManager, Worker } from "@boringnode/queue"
import { redis } from "@boringnode/queue/drivers/redis_adapter"
import { setTimeout } from "node:timers/promises"

const [port, concurrency] = process.argv.slice(2).map(Number)
const events = new EventTarget()
const next = (type) => new Promise((done) => events.addEventListener(type, done, { once: true }))
class Work extends Job {
  static options = { name: "Work" }
  async execute() {
    events.dispatchEvent(new Event("began"))
    await setTimeout(this.payload.ms)
    events.dispatchEvent(new Event("ended"))
  }
}
Locator.register("Work", Work)
const config = {
  default: "redis",
  adapters: { redis: redis({ host: "127.0.0.1", port }) },
  worker: { concurrency, idleDelay: "200ms" },
  locations: []
}
await QueueManager.init(config)
const ended = next("ended")
await Work.dispatch({ ms: 1000 }).run()
void new Worker(config).start()
await ended
await setTimeout(500)
const began = next("began")
await Work.dispatch({ ms: 1 }).run()
const at = Date.now()
await began
const waited = Date.now() - at
const words = waited < 3000 ? "at once" : waited < 7000 ? "after four to five seconds" : `after ${waited} ms`
console.log(`concurrency ${concurrency}: the next job began ${words}`)
process.exit()
JS
expected="concurrency 1: the next job began at once
concurrency 2: the next job began after four to five seconds"
seen=$(npx node try.mjs "$port" 1; npx node try.mjs "$port" 2)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
