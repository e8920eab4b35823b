#!/usr/bin/env bash
# @libsql/client 0.18.0: with `timeout`, who waits for a write stops the program, and with it the transaction that is waited for.
#
# A client of a local file has a pool of connections, and calls that give promises. `timeout` is SQLite's busy timeout: how long
# to wait for a write of somebody else. One expects a second transaction to wait, without a word of SQLITE_BUSY, for a first one
# that takes a moment, the more so where both are of one client, which knows of both. But the wait is SQLite's own, inside
# a call that does not give the event loop back. The first transaction cannot go on, nor can anything else of the program, so the
# wait is always as long as it can be, and always in vain. Two requests at the same time are enough. A longer timeout, the usual
# remedy for SQLITE_BUSY, is a longer standstill: every timer, every lease to be renewed and every other request is as late.
#
# Seen with Node 20 (the first transaction commits after 100 ms; the second is asked for meanwhile):
#
#     timeout 3000 ms: second transaction SQLITE_BUSY after 3 s, a timer of 100 ms after 3 s
#     timeout 0 ms, asked for again every 50 ms: second transaction begun after 0 s, a timer of 100 ms after 0 s
#
# Succeeds while this is so. What to do instead: a lock of one's own around the write transactions of a process (a semaphore of
# one), and `timeout` for those of other processes alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @libsql/client@0.18.0
cat > try.mjs << 'JS'
import { createClient } from "@libsql/client"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, timeout, begin) => {
  const client = createClient({ url: `file:${timeout}.db`, timeout })
  await client.execute("CREATE TABLE job (id INTEGER PRIMARY KEY)")
  const first = await client.transaction("write")
  await first.execute("INSERT INTO job VALUES (1)")
  const start = Date.now()
  const seconds = () => `${Math.round((Date.now() - start) / 1000)} s`
  let timer
  const done = sleep(100).then(() => {
    timer = seconds()
    return first.commit()
  })
  const second = await begin(client).then(
    async (transaction) => {
      const after = seconds()
      await transaction.rollback()
      return `begun after ${after}`
    },
    (error) => `${error.code} after ${seconds()}`
  )
  await done
  console.log(`${words}: second transaction ${second}, a timer of 100 ms after ${timer}`)
  client.close()
}
await look("timeout 3000 ms", 3000, (client) => client.transaction("write"))
await look("timeout 0 ms, asked for again every 50 ms", 0, async (client) => {
  for (;;) {
    try {
      return await client.transaction("write")
    } catch {
      await sleep(50)
    }
  }
})
JS
expected="timeout 3000 ms: second transaction SQLITE_BUSY after 3 s, a timer of 100 ms after 3 s
timeout 0 ms, asked for again every 50 ms: second transaction begun after 0 s, a timer of 100 ms after 0 s"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
