#!/usr/bin/env bash
# rwmutex 1.0.0: a writer waits for as long as two readers take turns, unlike the RWMutex of Go that it is modelled on.
#
# "Read-Write Mutex with JavaScript Promises. Inspired by Golang's sync.RWMutex". Of that one it is known that a writer that
# waits keeps new readers out, so that it gets in when those that were there are done. Here a reader that comes later is let in
# past the writer, for nothing is known of those who wait: the writer waits for the readers it saw, then looks anew. Two readers
# that overlap, each of whom leaves again and again, are enough for it never to be let in.
#
# Seen with Node 22 (two readers that read for 40 ms each, over and over, for 3 s):
#
#     rwmutex: the writer was let in while they read: false, after they stopped: true
#     @rocicorp/lock 2.0.1: the writer was let in while they read: true, after they stopped: true
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rwmutex@1.0.0 @rocicorp/lock@2.0.1 node@22.19.0
cat > try.mjs << 'JS'
import { RWLock } from "@rocicorp/lock"
import Mutex from "rwmutex"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const libraries = {
  "rwmutex": () => {
    const mutex = new Mutex()
    return { read: () => mutex.rlock(), write: () => mutex.lock() }
  },
  "@rocicorp/lock 2.0.1": () => {
    const lock = new RWLock()
    return { read: () => lock.read(), write: () => lock.write() }
  }
}

for (const [name, make] of Object.entries(libraries)) {
  const { read, write } = make()
  let reading = true
  // One asks before the other leaves, so that one of them always reads if it is let in, however slow the machine is.
  let leave = await read()
  const readers = (async () => {
    while (reading) {
      const next = read()
      await sleep(40)
      leave()
      leave = await next
    }
    leave()
  })()
  let letIn = false
  const writer = write().then((leave) => (letIn = true, leave()))
  await sleep(3000)
  const meanwhile = letIn
  reading = false
  await Promise.all([readers, writer])
  console.log(`${name}: the writer was let in while they read: ${meanwhile}, after they stopped: ${letIn}`)
}
JS
expected="rwmutex: the writer was let in while they read: false, after they stopped: true
@rocicorp/lock 2.0.1: the writer was let in while they read: true, after they stopped: true"
seen=$(npx node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
