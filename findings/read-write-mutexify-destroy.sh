#!/usr/bin/env bash
# read-write-mutexify 2.1.0: `destroy(error)` throws instead of telling those who wait, who are let in afterwards.
#
# `destroy()` lets those in who wait, and then nobody; with an error one expects those who wait to be refused with it at once, as
# in a shutdown that cannot wait. It throws a TypeError in each case, also when nobody waits, for it looks for them where they
# are not. Nobody is told. Who waits is let in when its turn comes, into what is closed by then; who comes later is refused.
#
# Seen with Node 20 (a writer has the lock, a reader waits):
#
#     destroy(error): TypeError
#     the reader, 300 ms later: waits
#     who comes now: closed
#     the writer ends; the reader: let in
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund read-write-mutexify@2.1.0
cat > try.mjs << 'JS'
import ReadWriteLock from "read-write-mutexify"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lock = new ReadWriteLock()
await lock.write.lock()
let reader = "waits"
lock.read.lock().then(() => {
  reader = "let in"
}, (error) => {
  reader = error.message
})
let said = "nothing"
try {
  lock.destroy(new Error("closed"))
} catch (error) {
  said = error.constructor.name
}
console.log(`destroy(error): ${said}`)
await sleep(300)
console.log(`the reader, 300 ms later: ${reader}`)
console.log(`who comes now: ${await lock.read.lock().then(() => "let in", (error) => error?.message)}`)
lock.write.unlock()
await sleep(50)
console.log(`the writer ends; the reader: ${reader}`)
JS
expected="destroy(error): TypeError
the reader, 300 ms later: waits
who comes now: closed
the writer ends; the reader: let in"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
