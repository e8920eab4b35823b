#!/usr/bin/env bash
# cockatiel 4.0.0: who waits in a bulkhead and is aborted is told when its turn comes, and keeps others out until then.
#
# A bulkhead lets so many run and so many wait. `execute` takes an abort signal, and a time limit around a bulkhead is such a
# signal, so one expects a wait to end when it is aborted, and the place in the queue to be free. But the signal is looked at
# when a call comes, and when its turn comes. In between it waits on: a limit of 100 ms is one of as long as those take who
# run. And the queue counts it, so that who comes then is refused for want of a place in which nobody waits any more, just
# when all are slow. A limit with the "aggressive" strategy does end in time, and leaves the place taken as well.
#
# Seen with Node 22 (one runs for 1,500 ms, one may wait, with a limit of 100 ms; another comes after 300 ms):
#
#     cooperative: the one that waited was told before the one that ran had ended: false
#     cooperative: the one that came later: refused, the queue is full
#     aggressive: the one that waited was told before the one that ran had ended: true
#     aggressive: the one that came later: refused, the queue is full
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cockatiel@4.0.0 node@22.19.0
cat > try.mjs << 'JS'
import { bulkhead, BulkheadRejectedError, timeout, TimeoutStrategy, wrap } from "cockatiel"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
for (const strategy of [TimeoutStrategy.Cooperative, TimeoutStrategy.Aggressive]) {
  const name = strategy === TimeoutStrategy.Cooperative ? "cooperative" : "aggressive"
  const gate = bulkhead(1, 1)
  let ended = false
  const runs = gate.execute(() => sleep(1500)).then(() => (ended = true))
  const waits = wrap(timeout(100, strategy), gate).execute(() => {}).then(
    () => console.log("the one that waited has run"),
    () => console.log(`${name}: the one that waited was told before the one that ran had ended: ${!ended}`)
  )
  await sleep(300)
  const later = gate.execute(() => "let in").catch((error) =>
    error instanceof BulkheadRejectedError ? "refused, the queue is full" : error.message
  )
  await Promise.all([runs, waits])
  console.log(`${name}: the one that came later: ${await later}`)
}
JS
expected="cooperative: the one that waited was told before the one that ran had ended: false
cooperative: the one that came later: refused, the queue is full
aggressive: the one that waited was told before the one that ran had ended: true
aggressive: the one that came later: refused, the queue is full"
seen=$(npx node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
