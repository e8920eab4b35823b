#!/usr/bin/env bash
# proper-lockfile 4.1.2: a holder that was too slow, and was replaced, removes the lock of its successor when it releases.
#
# The holder touches the lock every few seconds, others take it over when it has not been touched for `stale`, and of a holder
# that lost it one expects `onCompromised`, or that `release` "rejects the promise on error (e.g. when the lock was already
# compromised)", as the manual says: both know the time that the file had when it was last theirs. But `release` does not look.
# A program that was busy for longer than `stale` (one long synchronous step, a laptop that slept) and releases right after is
# told that all is well, and the lock file that goes is that of the process which has taken over. So a third one is let in
# beside it. The one that is robbed hears of it at its next touch.
#
# Seen with Node 20 (`stale` is 2 s; the first is busy for 15 s):
#
#     the second has taken over
#     the first releases: done
#     a third is let in while the second works: true
#     the second hears: ECOMPROMISED
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund proper-lockfile@4.1.2
cat > try.mjs << 'JS'
import { fork } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import lockfile from "proper-lockfile"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
if (process.send !== undefined) {
  const release = await lockfile.lock("data", { stale: 2000, onCompromised: () => process.send("compromised") })
  process.send("has it")
  const until = Date.now() + 15_000
  while (Date.now() < until);
  process.send(await release().then(() => "done", (error) => error.code))
} else {
  writeFileSync("data", "")
  setInterval(() => {}, 1000)
  const first = fork(fileURLToPath(import.meta.url), ["first"])
  await once(first, "message")
  const released = once(first, "message")
  let told
  const compromised = new Promise((resolve) => told = (error) => resolve(error.code))
  const take = (onCompromised) => lockfile.lock("data", { stale: 2000, onCompromised }).then(() => true, () => false)
  while (!await take(told)) await sleep(100)
  console.log("the second has taken over")
  const [answer] = await released
  console.log(`the first releases: ${answer}`)
  console.log(`a third is let in while the second works: ${await take(() => {})}`)
  console.log(`the second hears: ${await compromised}`)
  process.exit()
}
JS
expected="the second has taken over
the first releases: done
a third is let in while the second works: true
the second hears: ECOMPROMISED"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
