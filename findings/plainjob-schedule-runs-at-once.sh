#!/usr/bin/env bash
# plainjob 0.0.14: a job that is scheduled runs at once, whatever its hour, and a schedule that is changed keeps its old hour once more.
#
# After `queue.schedule("daily-report", { cron: "0 0 * * *" })` one expects the first report at midnight. It is made within a
# second: a schedule is stored as due since 1970. A new tenant, a new kind of job or an empty database file (each start of a
# container without a volume) makes a run in the middle of the day. When the same type is scheduled with another expression, it
# is the other way round: the next run stays where the old expression had put it, and only what follows is by the new one. So
# what is changed from once a year to each second waits for the new year.
#
# Seen with libsql in place of better-sqlite3 (the same interface), Node 20:
#
#     "0 0 1 1 *", 3 s after it was scheduled: 1 run
#     changed to "* * * * * *", 5 s later: 1 run, and next it is due at the beginning of a year: true
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund plainjob@0.0.14 libsql@0.5.29
cat > try.mjs << 'JS'
import Database from "libsql"
import { better, defineQueue, defineWorker } from "plainjob"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const logger = { debug() {}, info() {}, warn() {}, error: console.error }
const queue = defineQueue({ connection: better(new Database("data.db")), logger })
let runs = 0
defineWorker("report", async () => void runs++, { queue, pollIntervall: 100, logger }).start()
const said = () => `${runs} ${runs === 1 ? "run" : "runs"}`

queue.schedule("report", { cron: "0 0 1 1 *" })
await sleep(3000)
console.log(`"0 0 1 1 *", 3 s after it was scheduled: ${said()}`)
queue.schedule("report", { cron: "* * * * * *" })
await sleep(5000)
const next = new Date(queue.getScheduledJobs()[0].nextRunAt)
const newYear = next.getMonth() === 0 && next.getDate() === 1
console.log(`changed to "* * * * * *", 5 s later: ${said()}, and next it is due at the beginning of a year: ${newYear}`)
process.exit()
JS
expected='"0 0 1 1 *", 3 s after it was scheduled: 1 run
changed to "* * * * * *", 5 s later: 1 run, and next it is due at the beginning of a year: true'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
