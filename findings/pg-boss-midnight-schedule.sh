#!/usr/bin/env bash
# pg-boss 12.38.0: where clocks go forward at midnight, the schedule of midnight is left out that day, with `missed: "once"` too.
#
# In Cairo (and Beirut) the clock goes from 23:59 to 01:00 once a year. A schedule of 00:00 cannot run at 00:00 that day; other
# schedulers run it at 01:00 (croner, cron and what cron-parser itself says is next), so that each day has its run. Here
# nothing runs. pg-boss does not look ahead; it asks each minute when the schedule was due last (`prev` of cron-parser), which
# throws all that day, and so the schedule is skipped with a warning that it "could not be evaluated". Nobody hears the event
# `warning` who does not ask for it. `missed: "once"` does not make up for it either. The next midnight is as it should be.
#
# Seen with PostgreSQL 15.18, Node 22.19 (pg-boss's own test clock, times of Cairo):
#
#     0 0 * * *: 04-29 00:00, 05-01 00:00
#     0 0 * * * with missed once: 04-29 00:00, 05-01 00:00
#     0 1 * * *: 04-29 01:00, 04-30 01:00, 05-01 01:00
#     warnings: 2
#
# Succeeds while this is so.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund pg-boss@12.38.0 cron-parser@5.10.6
# The server does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { PgBoss, TestClock } from "pg-boss"

const tz = "Africa/Cairo"
const schedules = { "0 0 * * *": {}, "0 0 * * * with missed once": { missed: "once" }, "0 1 * * *": {} }
const names = Object.keys(schedules)
const clock = new TestClock("2027-04-28T21:50:00Z")
const boss = new PgBoss({ host: process.cwd(), user: "postgres", database: "postgres", clock })
const warnings = new Set()
boss.on("warning", (warning) => warnings.add(warning.message))
boss.on("error", (error) => console.log("error:", error.message))
await boss.start()
for (const [i, name] of names.entries()) {
  await boss.createQueue(`queue-${i}`)
  await boss.schedule(`queue-${i}`, name.slice(0, 9), {}, { tz, ...schedules[name] })
}
// Twenty minutes around each time that may be due, in steps of a minute.
for (const from of ["28T21", "28T22", "29T21", "30T20", "30T21"]) {
  await clock.setTime(`2027-04-${from}:50:00Z`)
  for (let minute = 0; minute < 20; minute++) await clock.tick(60_000)
}
const local = (date) => date.toLocaleString("sv", { timeZone: tz }).slice(5, 16)
for (const [i, name] of names.entries()) {
  const jobs = await boss.findJobs(`queue-${i}`)
  console.log(`${name}: ${jobs.map((job) => local(job.createdOn)).sort().join(", ")}`)
}
console.log(`warnings: ${[...warnings].filter((it) => it.includes("could not be evaluated")).length}`)
await boss.stop({ graceful: false })
process.exit()
JS
expected="0 0 * * *: 04-29 00:00, 05-01 00:00
0 0 * * * with missed once: 04-29 00:00, 05-01 00:00
0 1 * * *: 04-29 01:00, 04-30 01:00, 05-01 01:00
warnings: 2"
seen=$(npx --yes --package node@22.19.0 node try.mjs 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
