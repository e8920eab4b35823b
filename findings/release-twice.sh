#!/usr/bin/env bash
# superlock 1.3.5 and p-lock 4.0.1: a release that is called twice lets a third one in beside the second.
#
# Both give whoever has the lock a function that gives it back. It is called early where the work needs the lock no more, and
# once more in a `finally`, for all other ways out. One expects the second call to do nothing, as the function belongs to one
# holder: that is so in async-mutex 0.5.0 and @livekit/mutex 1.1.1, and is why there is a function and no `unlock()` for
# everybody. Here each call gives back what is held at that moment, by whomever. So the second call ends the turn of the next
# holder, who is at work, and lets the one after it in beside it; superlock has a permit too many from then on.
#
# Seen with Node 20 (the first releases twice, and two others wait):
#
#     async-mutex: 1 inside
#     superlock: 2 inside
#     p-lock: 2 inside
#     @livekit/mutex: 1 inside
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund superlock@1.3.5 p-lock@4.0.1 @livekit/mutex@1.1.1 async-mutex@0.5.0
cat > try.mjs << 'JS'
import { Mutex as LivekitMutex } from "@livekit/mutex"
import { Mutex } from "async-mutex"
import { getLock } from "p-lock"
import superlock from "superlock"

const settled = () => new Promise((resolve) => setTimeout(resolve, 200))
const inside = async (lock) => {
  const release = await lock()
  let count = 0
  for (let i = 0; i < 2; i++) lock().then(() => count++)
  await settled()
  release()
  await settled()
  release()
  await settled()
  return `${count} inside`
}
const plain = new Mutex()
console.log(`async-mutex: ${await inside(() => plain.acquire())}`)
console.log(`superlock: ${await inside(superlock.createLock())}`)
console.log(`p-lock: ${await inside(getLock())}`)
const livekit = new LivekitMutex()
console.log(`@livekit/mutex: ${await inside(() => livekit.lock())}`)
JS
expected="async-mutex: 1 inside
superlock: 2 inside
p-lock: 2 inside
@livekit/mutex: 1 inside"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
