#!/usr/bin/env bash
# lockfile 1.0.4: an object with options can be used once; the second lock neither waits nor tries again.
#
# One writes the options of a program's locks once, `const options = { wait: 10000 }`, and hands them to each call. But the call
# keeps its own state in the object that it is given: the number of retries, which is 0 from then on, and the time at which the
# wait began. So the second call of the program, and all after it, give up at once with EEXIST when the lock is held, as if the
# options were not there (with `wait`: as soon as that time has gone by since the first call). The first call is as it should
# be, and so is every test that makes one lock.
#
# Seen with Node 20 (three locks one after another, each of which is free after 0.7 s):
#
#     wait, an object for each: had, had, had
#     wait, one object: had, EEXIST, EEXIST
#     retries, an object for each: had, had, had
#     retries, one object: had, EEXIST, EEXIST
#
# Succeeds while this is so. What to do instead: `{ ...options }`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lockfile@1.0.4
cat > try.mjs << 'JS'
import lockfile from "lockfile"
import { promisify } from "node:util"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lock = promisify(lockfile.lock)
const makes = { wait: () => ({ wait: 3000 }), retries: () => ({ retries: 50, retryWait: 100 }) }
for (const [name, make] of Object.entries(makes)) {
  for (const shared of [false, true]) {
    const one = make()
    const seen = []
    for (let i = 0; i < 3; i++) {
      lockfile.lockSync("a.lock")
      const freed = sleep(700).then(() => lockfile.unlockSync("a.lock"))
      seen.push(await lock("a.lock", shared ? one : make()).then(() => "had", (error) => error.code))
      await freed
      lockfile.unlockSync("a.lock")
      if (shared) await sleep(3000)
    }
    console.log(`${name}, ${shared ? "one object" : "an object for each"}: ${seen.join(", ")}`)
  }
}
JS
expected="wait, an object for each: had, had, had
wait, one object: had, EEXIST, EEXIST
retries, an object for each: had, had, had
retries, one object: had, EEXIST, EEXIST"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
