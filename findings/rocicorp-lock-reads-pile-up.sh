#!/usr/bin/env bash
# @rocicorp/lock 2.0.1: a read/write lock keeps something of every read until the next write.
#
# One expects a lock that nobody holds to be as it was when it was made. But `RWLock` remembers a promise for each `read` that
# was ever let in, ended or not, and forgets them when a `write` is let in, which waits for all of them once more. So what is
# read often and seldom written, which is what such a lock is for, grows without end.
#
# Seen with Node 22.19 (200,000 reads, one at a time; what the heap grew by; the figures vary a little):
#
#     after the reads: 12 MB
#     after a write: 0 MB
#
# Succeeds while it is more than 5 MB after the reads and less than 3 MB after the write.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @rocicorp/lock@2.0.1 node@22.19.0
cat > try.mjs << 'JS'
import { RWLock } from "@rocicorp/lock"

const heap = () => {
  gc()
  return process.memoryUsage().heapUsed / 1e6
}
const lock = new RWLock()
await lock.withRead(() => {})
const before = heap()
for (let i = 0; i < 200_000; i++) await lock.withRead(() => {})
const reads = heap() - before
await lock.withWrite(() => {})
const write = heap() - before
console.log(`after the reads: ${reads.toFixed()} MB`)
console.log(`after a write: ${write.toFixed()} MB`)
process.exitCode = reads > 5 && write < 3 ? 0 : 1
JS
node_modules/.bin/node --expose-gc try.mjs || { echo "changed"; exit 1; }
