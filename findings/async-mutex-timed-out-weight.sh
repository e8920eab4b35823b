#!/usr/bin/env bash
# async-mutex 0.5.0: who timed out waiting for two permits keeps those out who want the one that is free.
#
# A semaphore with weights is first come, first served, so one expects the small ones to stand behind a big one for as long as
# it waits. `withTimeout` ends that wait with E_TIMEOUT. But only the promise ends: the request stays at the head of the queue
# until it is granted, and is given back then. So with one permit free, and nobody who wants two, the next caller times out as
# well, and so do all others until the holder leaves. The semaphore says all the time that it is not locked.
#
# Seen with Node 20 (2 permits, 100 ms, one permit is held):
#
#     before: one permit is had at once
#     two permits: timeout
#     after: one permit: timeout, locked: false, free: 1
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund async-mutex@0.5.0
cat > try.mjs << 'JS'
import { E_TIMEOUT, Semaphore, withTimeout } from "async-mutex"

const semaphore = withTimeout(new Semaphore(2), 100)
const asks = (weight) =>
  semaphore.acquire(weight).then(([, release]) => {
    release()
    return "is had at once"
  }, (error) => error === E_TIMEOUT ? "timeout" : String(error))

await semaphore.acquire(1)
console.log(`before: one permit ${await asks(1)}`)
console.log(`two permits: ${await asks(2)}`)
console.log(`after: one permit: ${await asks(1)}, locked: ${semaphore.isLocked()}, free: ${semaphore.getValue()}`)
JS
expected="before: one permit is had at once
two permits: timeout
after: one permit: timeout, locked: false, free: 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
