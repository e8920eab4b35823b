#!/usr/bin/env bash
# @henrygd/semaphore 0.1.0: who keeps the semaphore of a key and who asks for it anew hold it both.
#
# `getSemaphore(key)` gives the semaphore of a key, made when it is first asked for and forgotten when nobody uses it. One
# expects two that were got by one key to be one, so that it does not matter whether a class asks once, in its constructor, or
# at each call. But it is forgotten at the first moment in which nobody holds it, whoever still has the object in hand. From
# then on the object and the key are two semaphores: the second use of the one who kept it is not seen by those who ask anew,
# and the other way round. The same goes for somebody who gets it, awaits something else, and acquires it then.
#
# Seen with Node 20:
#
#     got twice by one key: the same: true
#     after it was free once: the same: false, held by 2
#
# Succeeds while this is so. What to do instead: ask for it at each use, in the same step as `acquire`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @henrygd/semaphore@0.1.0
cat > try.mjs << 'JS'
import { getSemaphore } from "@henrygd/semaphore"

const kept = getSemaphore("account-1")
console.log(`got twice by one key: the same: ${kept === getSemaphore("account-1")}`)
await kept.acquire()
kept.release()

let holders = 0
const enter = async (semaphore) => {
  await semaphore.acquire()
  holders++
}
enter(kept)
const anew = getSemaphore("account-1")
enter(anew)
await new Promise((resolve) => setTimeout(resolve, 200))
console.log(`after it was free once: the same: ${kept === anew}, held by ${holders}`)
JS
expected="got twice by one key: the same: true
after it was free once: the same: false, held by 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
