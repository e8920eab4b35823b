#!/usr/bin/env bash
# async-rwlock 1.1.1: the lock is handed to a waiter that has given up, and is never free again.
#
# `writeLock(timeout)` rejects with ErrTimeout after that time, and one expects the lock to be as if one had not asked. But
# the waiter stays in the queue, and when its turn comes the lock is set to "writing" for it, while it does nothing, having
# been rejected. Nobody knows that there is something to unlock. One timeout is enough; where others wait as well, they wait
# for ever, and the reader that caused the timeout did all as it should.
#
# Seen with Node 20:
#
#     a reader is in
#     a writer gave up: acquire lock timeout
#     the reader left; the state is Writing
#     another reader: acquire lock timeout
#     another writer: acquire lock timeout
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund async-rwlock@1.1.1
cat > try.cjs << 'JS'
const { RWLock, State } = require("async-rwlock")

const lock = new RWLock()
const outcome = (taking) => taking.then(() => "has the lock", (error) => error.message)
const main = async () => {
  await lock.readLock()
  console.log("a reader is in")
  console.log(`a writer gave up: ${await outcome(lock.writeLock(50))}`)
  lock.unlock()
  console.log(`the reader left; the state is ${State[lock.getState()]}`)
  console.log(`another reader: ${await outcome(lock.readLock(500))}`)
  console.log(`another writer: ${await outcome(lock.writeLock(500))}`)
}
main()
JS
expected="a reader is in
a writer gave up: acquire lock timeout
the reader left; the state is Writing
another reader: acquire lock timeout
another writer: acquire lock timeout"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
