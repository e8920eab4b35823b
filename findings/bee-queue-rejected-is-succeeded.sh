#!/usr/bin/env bash
# bee-queue 2.0.0: a job whose handler fails without a reason has succeeded, and a job with the data 0, "" or false has none.
#
# A handler that rejects, or throws, has failed, whatever with: so one expects the job to be tried again as often as `retries` says,
# and then to be among the failed ones. But whether it has failed is asked of the reason. If that is `undefined`, as after
# `Promise.reject()` or `reject()`, or `null`, 0 or "", the job counts as succeeded, is not tried again and is removed, and who
# waits for it is told so. So for the other style, `done(error)`, with 0 or "". In the same way a job's data is what was
# given only where that is truthy: 0, "", false and null come to the handler as an empty object.
#
# Seen with redis-server 7.0.15, Node 20 (each job may be retried once):
#
#     rejects with "why": begun 2 x, failed
#     rejects with undefined: begun 1 x, succeeded
#     rejects with null: begun 1 x, succeeded
#     rejects with 0: begun 1 x, succeeded
#     data: 5 is 5, 0 is {}, "" is {}, false is {}, null is {}
#
# Succeeds while this is so. What to do instead: `new Error(...)` always, and an object for data.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund bee-queue@2.0.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import Queue from "bee-queue"

const redis = { port: Number(process.argv[2]) }
const failing = new Queue("failing", { redis })
const begun = {}
const reasons = ["why", undefined, null, 0]
failing.process(async ({ data: { n } }) => {
  begun[n] = (begun[n] ?? 0) + 1
  throw reasons[n]
})
for (const [n, reason] of reasons.entries()) {
  const job = await failing.createJob({ n }).retries(1).save()
  const end = await new Promise((resolve) => {
    failing.on("job succeeded", (id) => id === job.id && resolve("succeeded"))
    failing.on("job failed", (id) => id === job.id && resolve("failed"))
  })
  console.log(`rejects with ${JSON.stringify(reason)}: begun ${begun[n]} x, ${end}`)
}
const echo = new Queue("echo", { redis })
const came = []
let all
const allCame = new Promise((resolve) => all = resolve)
const sent = [5, 0, "", false, null]
echo.process(async ({ data }) => {
  if (came.push(JSON.stringify(data)) === sent.length) all()
})
for (const data of sent) await echo.createJob(data).save()
await allCame
console.log(`data: ${sent.map((data, n) => `${JSON.stringify(data)} is ${came[n]}`).join(", ")}`)
process.exit()
JS
expected='rejects with "why": begun 2 x, failed
rejects with undefined: begun 1 x, succeeded
rejects with null: begun 1 x, succeeded
rejects with 0: begun 1 x, succeeded
data: 5 is 5, 0 is {}, "" is {}, false is {}, null is {}'
seen=$(timeout 60 node try.mjs "$port") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
