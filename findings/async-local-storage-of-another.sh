#!/usr/bin/env bash
# fastq, async, async-lock, bottleneck, cockatiel, promise-queue, p-queue 9: who waits runs with the `AsyncLocalStorage` of another.
#
# `AsyncLocalStorage` carries what belongs to a request through all that is done for it: its id for the log, its span, its
# tenant, its database transaction. It follows promises by itself, so one expects an asynchronous function that is handed to a
# queue or a lock to run with the context of the call that handed it over, sooner or later. It does when it is begun at once. One
# that has to wait is begun by whoever makes room for it, and runs with the context of that one: the logs of all who wait name
# the first request, and what they write goes into its transaction. As long as nobody waits, which is so in tests, all is well.
# p-limit, async-mutex, throat, p-throttle and the newest p-queue keep the context of each.
#
# Seen with Node 20 (requests a, b and c come at the same time, one may run at once):
#
#     p-queue 9.3.5: a as a, b as a, c as a
#     fastq 1.20.3: a as a, b as a, c as a
#     async 3.2.6: a as a, b as a, c as a
#     async-lock 1.5.0: a as a, b as a, c as a
#     bottleneck 2.19.5: a as a, b as a, c as a
#     cockatiel 4.0.0: a as a, b as a, c as a
#     promise-queue 2.2.5: a as a, b as a, c as a
#     p-queue 10.0.0: a as a, b as b, c as c
#     p-limit 7.3.3: a as a, b as b, c as c
#     async-mutex 0.5.0: a as a, b as b, c as c
#     throat 6.0.2: a as a, b as b, c as c
#     p-throttle 8.1.1: a as a, b as b, c as c
#
# Succeeds while this is so. What to do instead: hand over `AsyncResource.bind(work)` of `node:async_hooks`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-queue@9.3.5 p-queue-10@npm:p-queue@10.0.0 fastq@1.20.3 async@3.2.6 async-lock@1.5.0 bottleneck@2.19.5 cockatiel@4.0.0 promise-queue@2.2.5 p-limit@7.3.3 async-mutex@0.5.0 throat@6.0.2 p-throttle@8.1.1
cat > try.mjs << 'JS'
import async from "async"
import AsyncLock from "async-lock"
import { Mutex } from "async-mutex"
import Bottleneck from "bottleneck"
import { bulkhead } from "cockatiel"
import fastq from "fastq"
import { AsyncLocalStorage } from "node:async_hooks"
import { readFileSync } from "node:fs"
import pLimit from "p-limit"
import PQueue from "p-queue"
import NewPQueue from "p-queue-10"
import pThrottle from "p-throttle"
import PromiseQueue from "promise-queue"
import throat from "throat"

const lock = new AsyncLock()
const limiter = new Bottleneck({ maxConcurrent: 1 })
const queue = new PQueue({ concurrency: 1 })
const newQueue = new NewPQueue({ concurrency: 1 })
const fast = fastq.promise((work) => work(), 1)
const asyncQueue = async.queue(async (work) => work(), 1)
const mutex = new Mutex()
const compartment = bulkhead(1, 10)
const promises = new PromiseQueue(1)
const kinds = {
  "p-queue": (work) => queue.add(work),
  fastq: (work) => fast.push(work),
  async: (work) => asyncQueue.pushAsync(work),
  "async-lock": (work) => lock.acquire("key", work),
  bottleneck: (work) => limiter.schedule(work),
  cockatiel: (work) => compartment.execute(work),
  "promise-queue": (work) => promises.add(work),
  "p-queue-10": (work) => newQueue.add(work),
  "p-limit": pLimit(1),
  "async-mutex": (work) => mutex.runExclusive(work),
  throat: throat(1),
  "p-throttle": pThrottle({ limit: 1, interval: 100 })((work) => work())
}
const storage = new AsyncLocalStorage()
for (const [name, run] of Object.entries(kinds)) {
  const seen = []
  const request = (id) =>
    storage.run(id, () =>
      run(async () => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        seen.push(`${id} as ${storage.getStore()}`)
      }))
  await Promise.all(["a", "b", "c"].map(request))
  const own = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"))
  console.log(`${own.name} ${own.version}: ${seen.join(", ")}`)
}
process.exit()
JS
expected="p-queue 9.3.5: a as a, b as a, c as a
fastq 1.20.3: a as a, b as a, c as a
async 3.2.6: a as a, b as a, c as a
async-lock 1.5.0: a as a, b as a, c as a
bottleneck 2.19.5: a as a, b as a, c as a
cockatiel 4.0.0: a as a, b as a, c as a
promise-queue 2.2.5: a as a, b as a, c as a
p-queue 10.0.0: a as a, b as b, c as c
p-limit 7.3.3: a as a, b as b, c as c
async-mutex 0.5.0: a as a, b as b, c as c
throat 6.0.2: a as a, b as b, c as c
p-throttle 8.1.1: a as a, b as b, c as c"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
