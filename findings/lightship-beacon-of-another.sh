#!/usr/bin/env bash
# lightship 9.0.4: a beacon that is put out twice puts out another one's, and the service ends in the middle of that one's work.
#
# While a job is at work it has a beacon, and the service is not ended before all beacons are out. One puts it out in a `finally`, and
# perhaps where the job is done already; a second `die()` should be nothing, as a second `close()` or `clearTimeout` is. But a beacon that
# is not in the list any more is taken for the last one in it. So another job, which began later and is at work, no longer keeps the service:
# at the next deployment its shutdown handlers close the database, and the process ends, while it writes.
#
# Seen with Node 24 (job 1 takes 100 ms, and puts out its beacon as it is done and in its `finally`; job 2 takes 500 ms; then SIGTERM):
#
#     once: job 1 done, SIGTERM, job 2 done, shutdown handler
#     twice: job 1 done, SIGTERM, shutdown handler, job 2 done
#
# Succeeds while this is so. What to do instead: a flag of one's own around `die`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund lightship@9.0.4
cat > try.mjs << 'JS'
import { createLightship } from "lightship"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const events = []
const lightship = await createLightship({ terminate: () => {}, shutdownDelay: 0 })
lightship.registerShutdownHandler(() => void events.push("shutdown handler"))
const job = async (name, ms, doneAtOnce) => {
  const beacon = lightship.createBeacon()
  try {
    await sleep(ms)
    events.push(`${name} done`)
    if (doneAtOnce) await beacon.die()
  } finally {
    await beacon.die()
  }
}
const jobs = [job("job 1", 100, process.argv[2] === "twice"), job("job 2", 500, false)]
await sleep(250)
events.push("SIGTERM")
process.kill(process.pid, "SIGTERM")
await Promise.all(jobs)
await sleep(250)
console.log(`${process.argv[2]}: ${events.join(", ")}`)
process.exit()
JS
expected="once: job 1 done, SIGTERM, job 2 done, shutdown handler
twice: job 1 done, SIGTERM, shutdown handler, job 2 done"
seen=$(for way in once twice; do node try.mjs "$way"; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
