#!/usr/bin/env bash
# rwlock 5.0.0: a waiter that times out takes another waiter from the queue, and the key is stuck for good.
#
# With `timeout` one expects to give up one's own place and nothing else. But what times out is not looked for in the queue:
# the head is removed, whoever that is. If somebody who waits without a limit came first, that one is forgotten without a
# word, and the one who gave up stays as the head, where its turn comes to nothing. The lock has been released then, is held
# by nobody, and nobody gets it any more.
#
# Seen with Node 20:
#
#     the first has the lock
#     the third gave up
#     the first released
#     500 ms later: the second still waits, the fourth still waits
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rwlock@5.0.0
cat > try.cjs << 'JS'
const ReadWriteLock = require("rwlock")
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const lock = new ReadWriteLock()
const had = { second: false, fourth: false }
const takes = (name) => (release) => {
  had[name] = true
  release()
}
const main = async () => {
  const release = await new Promise((resolve) => lock.writeLock("key", resolve))
  console.log("the first has the lock")
  lock.writeLock("key", takes("second"))
  await new Promise((resolve) =>
    lock.writeLock("key", takes("third"), { timeout: 50, timeoutCallback: resolve })
  )
  console.log("the third gave up")
  release()
  console.log("the first released")
  lock.writeLock("key", takes("fourth"))
  await sleep(500)
  const says = (name) => `the ${name} ${had[name] ? "has had the lock" : "still waits"}`
  console.log(`500 ms later: ${says("second")}, ${says("fourth")}`)
}
main()
JS
expected="the first has the lock
the third gave up
the first released
500 ms later: the second still waits, the fourth still waits"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
