#!/usr/bin/env bash
# Deno 2.9.6, Deno KV on this host: `kv.listenQueue` begins with all messages at once, as many as there are.
#
# A queue is there so that a rush is worked off bit by bit, and the manual shows `listenQueue` with a handler that sends a mail or asks an API. One
# expects it to wait for the handler before it takes the next message, or to have a few at work, as consumers of other queues do. It
# takes each as it comes: five hundred messages are five hundred handlers beside each other, so the queue in front of a
# database or an API holds nothing back. There is no setting for it.
#
# Seen (five hundred messages that were put in one after the other, before there was a listener; each takes 300 ms):
#
#     at work at the same time: 500
#     with a semaphore of 5 within the handler: 5
#
# Succeeds while this is so. What to do instead: a semaphore around what the handler does.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund deno@2.9.6
cat > try.mts << 'TS'
const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
const semaphore = (permits: number) => {
  const waiting: Array<() => void> = []
  return async (work: () => Promise<void>) => {
    if (permits > 0) permits--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    await work()
    const next = waiting.shift()
    if (next === undefined) permits++
    else next()
  }
}
for (const limited of [false, true]) {
  const kv = await Deno.openKv(":memory:")
  const count = limited ? 50 : 500
  for (let number = 0; number < count; number++) await kv.enqueue(number)
  let running = 0
  let most = 0
  let done = 0
  const work = async () => {
    most = Math.max(most, ++running)
    await sleep(300)
    running--
    done++
  }
  const limit = semaphore(5)
  kv.listenQueue(() => limited ? limit(work) : work())
  while (done < count) await sleep(50)
  console.log(limited ? `with a semaphore of 5 within the handler: ${most}` : `at work at the same time: ${most}`)
}
Deno.exit()
TS
expected="at work at the same time: 500
with a semaphore of 5 within the handler: 5"
seen=$(node_modules/.bin/deno run --quiet -A --unstable-kv try.mts)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
