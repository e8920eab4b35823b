#!/usr/bin/env bash
# @dbos-inc/dbos-sdk 5.3.0: a workflow that is cancelled while it sleeps, and resumed, runs twice at once, and so do its steps.
#
# A workflow is run by one at a time, and a step whose result is written down is not done again: that is what one uses it for. `cancelWorkflow`
# ends it at its next step, and `resumeWorkflow` lets it go on from where it was. One expects the resumed one to be the only one. But
# one that sleeps does not notice that it was cancelled until its time is over; if it is resumed before that, it never does, as it is
# not cancelled any more, and goes on beside the one that was started to go on in its place. Both come out of the sleep at the
# same moment, since its end is written down, and both do the next step. Only then does one of them find that it was the second.
#
# Seen with PostgreSQL 15.18, Node 20 (a workflow that sleeps for 3 s and then charges, in a step):
#
#     left alone: begun 1 x, charged 1 x, it ends with "paid" and is SUCCESS
#     cancelled and resumed in the first second: begun 2 x, charged 2 x, it ends with "paid" and is SUCCESS
#
# Succeeds while this is so. What to do instead: steps that may be done twice, and to resume only what has stopped.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @dbos-inc/dbos-sdk@5.3.0
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
"$bin/psql" -h "$folder" -U postgres -qc "create database dbos"
cat > try.mjs << 'JS'
import { DBOS } from "@dbos-inc/dbos-sdk"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const systemDatabaseUrl = `postgresql://postgres@localhost/dbos?host=${process.cwd()}`
DBOS.setConfig({ name: "shop", systemDatabaseUrl, logLevel: "error", runAdminServer: false })
let [begun, charged] = [0, 0]
const order = DBOS.registerWorkflow(async () => {
  begun++
  await DBOS.sleep(3000)
  await DBOS.runStep(async () => void charged++, { name: "charge" })
  return "paid"
}, { name: "order" })
await DBOS.launch()
for (const resumed of [false, true]) {
  ;[begun, charged] = [0, 0]
  let handle = await DBOS.startWorkflow(order)()
  await sleep(300)
  if (resumed) {
    await DBOS.cancelWorkflow(handle.workflowID)
    handle = await DBOS.resumeWorkflow(handle.workflowID)
  }
  const result = await handle.getResult()
  await sleep(2000)
  const { status } = await handle.getStatus()
  const words = resumed ? "cancelled and resumed in the first second" : "left alone"
  console.log(`${words}: begun ${begun} x, charged ${charged} x, it ends with "${result}" and is ${status}`)
}
process.exit()
JS
expected='left alone: begun 1 x, charged 1 x, it ends with "paid" and is SUCCESS
cancelled and resumed in the first second: begun 2 x, charged 2 x, it ends with "paid" and is SUCCESS'
seen=$(timeout 100 node --no-deprecation try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
