#!/usr/bin/env bash
# @henrygd/semaphore 0.1.0: of one key there are two semaphores, as soon as the first one was idle, and two are let in at a time.
#
# `getSemaphore("database", 1)` gives the semaphore of that key, the same one to all who ask by that key, so that modules that know nothing of each
# other share it. One keeps it in a constant, or in an object that lives as long as the program. But when its last permit is
# given back, the key is forgotten: who asks by it next gets a new semaphore, and whoever kept the old one goes on with that.
# Nobody is told, and both have a limit of one. It needs a moment in which nobody holds it, so it comes with a quiet night.
#
# Seen with Node 24 (one module keeps the semaphore, the other one asks for it each time):
#
#     before it was idle: the same semaphore, at most 1 at a time
#     after it was idle: another semaphore, at most 2 at a time
#
# Succeeds while this is so. What to do instead: ask by the key each time, and keep it no longer than from `acquire` to `release`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @henrygd/semaphore@0.1.0
cat > try.mjs << 'JS'
import { getSemaphore } from "@henrygd/semaphore"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const kept = getSemaphore("database", 1)
let running = 0
let most = 0
const work = async (semaphore) => {
  await semaphore.acquire()
  most = Math.max(most, ++running)
  await sleep(50)
  running--
  semaphore.release()
}
for (const when of ["before", "after"]) {
  most = 0
  const asked = getSemaphore("database", 1)
  const which = asked === kept ? "the same" : "another"
  await Promise.all([work(kept), work(asked), work(kept), work(asked)])
  console.log(`${when} it was idle: ${which} semaphore, at most ${most} at a time`)
}
JS
expected="before it was idle: the same semaphore, at most 1 at a time
after it was idle: another semaphore, at most 2 at a time"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
