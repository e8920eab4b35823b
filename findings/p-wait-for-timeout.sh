#!/usr/bin/env bash
# p-wait-for 6.0.0: `timeout` does not end a wait while the condition is being asked, which may be for ever.
#
# "Number of milliseconds to wait before automatically rejecting": one asks a server every now and then whether something is
# done, and wants an answer within that time, also when the server does not answer; nothing else makes a time limit worth having.
# So it was up to 5.0.2. In 6 the limit is looked at in the pauses between two questions. A question that takes ten times as
# long as the limit is waited for, and then the wait has succeeded; one that is never answered keeps it for ever. With
# `before: false` and a limit that is over in the first pause, `fallback` and `message` are ignored, and the error is another.
#
# Seen with Node 20 (the limit is 100 ms, the condition is told by a promise that is settled after the limit):
#
#     5.0.2: rejected: Time is up | given what fallback gives
#     6.0.0: waited for the condition, resolved | rejected: The operation was aborted due to timeout
#
# Succeeds while this is so. What to do instead: `p-timeout` around the whole, or a limit for each question.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-wait-for@6.0.0 p-wait-for5@npm:p-wait-for@5.0.2
cat > try.mjs << 'JS'
import { setTimeout as sleep } from "node:timers/promises"
import six from "p-wait-for"
import five from "p-wait-for5"

for (const [name, pWaitFor] of [["5.0.2", five], ["6.0.0", six]]) {
  let answer
  const asked = new Promise((resolve) => answer = resolve)
  let events = []
  const waiting = pWaitFor(() => asked, { timeout: { milliseconds: 100, message: "Time is up" } }).then(
    () => events.push("resolved"),
    (error) => events.push(`rejected: ${error.message}`)
  )
  await sleep(500)
  if (events.length === 0) events.push("waited for the condition")
  answer(true)
  await waiting
  const fallback = await pWaitFor(() => false, {
    before: false,
    interval: 5000,
    timeout: { milliseconds: 100, fallback: () => "what fallback gives" }
  }).then((value) => `given ${value}`, (error) => `rejected: ${error.message}`)
  console.log(`${name}: ${events.join(", ")} | ${fallback}`)
}
JS
expected="5.0.2: rejected: Time is up | given what fallback gives
6.0.0: waited for the condition, resolved | rejected: The operation was aborted due to timeout"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
