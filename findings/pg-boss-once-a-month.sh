#!/usr/bin/env bash
# pg-boss 12.38.0: a job that is throttled to one in 30 days is accepted again after eight.
#
# `singletonSeconds` lets one job into each slot of that length ("only allows one job to be sent to the same queue within a number of
# seconds"); what is sent beside it resolves to null. With 30 days and the number of the customer as the `singletonKey`, a reminder
# goes out once a month, whoever asks for it. But what is remembered is the job, and a job that is done is deleted after
# `deleteAfterSeconds`, which is 7 days if nothing is said. From then on the slot is free. No option is refused, nothing is
# logged, and no test that is shorter than a week sees it.
#
# Seen with PostgreSQL 15.18, Node 20 (the clock of pg-boss's own tests; sent each day, from the first day of a slot on):
#
#     sent on the first day: accepted
#     sent again on each of the following days, accepted on day: 8
#     the same with deleteAfterSeconds of 30 days: none of 20
#
# Succeeds while this is so. What to do instead: `deleteAfterSeconds` of the job no shorter than `singletonSeconds`, or 0.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund pg-boss@12.38.0
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

const day = 24 * 3600
const month = 30 * day
// Where a slot begins.
const clock = new TestClock(Math.floor(Date.now() / (month * 1000)) * month * 1000)
const boss = new PgBoss({ host: process.cwd(), user: "postgres", database: "postgres", clock, schedule: false })
boss.on("error", (error) => console.log("error:", error.message))
await boss.start()
const begin = clock.now()
const accepted = async (queue, options) =>
  await boss.send(queue, {}, { singletonKey: "customer 1", singletonSeconds: month, ...options }) !== null
const onDay = async (queue, options) => {
  await clock.setTime(begin)
  await boss.createQueue(queue)
  const first = await accepted(queue, options)
  const [job] = await boss.fetch(queue)
  await boss.complete(queue, job.id)
  for (let i = 1; i <= 20; i++) {
    await clock.setTime(begin + i * day * 1000)
    // The maintenance that runs by itself otherwise.
    await boss.supervise(queue)
    if (await accepted(queue, options)) return [first, i]
  }
  return [first, "none of 20"]
}
const [first, again] = await onDay("reminder", {})
console.log("sent on the first day:", first ? "accepted" : "null")
console.log("sent again on each of the following days, accepted on day:", again)
console.log("the same with deleteAfterSeconds of 30 days:", (await onDay("other", { deleteAfterSeconds: month }))[1])
process.exit()
JS
expected="sent on the first day: accepted
sent again on each of the following days, accepted on day: 8
the same with deleteAfterSeconds of 30 days: none of 20"
seen=$(NODE_NO_WARNINGS=1 timeout 100 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
