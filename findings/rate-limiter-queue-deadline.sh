#!/usr/bin/env bash
# rate-limiter-flexible 11.4.0: a request with a deadline (`expiresUnixAt`) is told that it expired when the limit's window ends, long after.
#
# `RateLimiterQueue.removeTokens(tokens, key, expiresUnixAt)`: "if the request is still queued when this time is reached, it is
# rejected", which is what one needs to answer a client within ten seconds under a limit by the hour. But deadlines have no timer.
# They are looked at when the queue moves, and that is when the window of the limit is over: whoever asked for a second waits for
# the hour, as without a deadline. Until then it counts in `maxQueueSize` too, and others are refused for it. And when the queue
# does not move but is empty, they are not looked at: a request whose time was over before it came is granted.
#
# Seen with Node 20 (a token each 6 s; a deadline of a second; a queue of one):
#
#     the first: granted at once
#     another one, long after the deadline: Number of requests reached it's maximum 1
#     the one with a deadline: The request to remove tokens expired before it could be fulfilled, 3 s late or more: true
#     one whose deadline was in 1970: granted at once
#
# Succeeds while this is so. What to do instead: race it with a timer of one's own (the token is taken all the same then).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0
cat > try.mjs << 'JS'
import limiters from "rate-limiter-flexible"

const { RateLimiterMemory, RateLimiterQueue } = limiters
const queue = new RateLimiterQueue(new RateLimiterMemory({ points: 1, duration: 6 }), { maxQueueSize: 1 })
const said = async (promise) => {
  const since = performance.now()
  const answer = await promise.then(() => "granted", (error) => error.message)
  return answer === "granted" && performance.now() - since < 2000 ? "granted at once" : answer
}
console.log("the first:", await said(queue.removeTokens(1, "a")))
const deadline = Math.floor(Date.now() / 1000) + 1
const waits = said(queue.removeTokens(1, "a", deadline)).then((answer) => [answer, Date.now() / 1000 - deadline])
await new Promise((resolve) => setTimeout(resolve, 3000))
console.log("another one, long after the deadline:", await said(queue.removeTokens(1, "a")))
const [answer, late] = await waits
console.log(`the one with a deadline: ${answer}, 3 s late or more: ${late >= 3}`)
console.log("one whose deadline was in 1970:", await said(queue.removeTokens(1, "b", 1)))
process.exit()
JS
expected="the first: granted at once
another one, long after the deadline: Number of requests reached it's maximum 1
the one with a deadline: The request to remove tokens expired before it could be fulfilled, 3 s late or more: true
one whose deadline was in 1970: granted at once"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
