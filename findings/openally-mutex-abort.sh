#!/usr/bin/env bash
# @openally/mutex 2.0.0: who gives up waiting by an abort signal lets the next one in beside the holder.
#
# `acquire({ signal })` waits until the signal is aborted, and is rejected then. One expects that nothing has changed for the
# others, as with `AbortSignal` anywhere else. But whoever gives up is taken out of the count of those who are *in*, though he
# never was. So the count says that the mutex is free while its holder is at work, and the next one is let in at once. With
# each wait that is given up it is one more. The mutex has to be told to be one: `concurrency` is 5 where it is not set.
#
# Seen with Node 22 (`concurrency: 1`):
#
#     the first has it: running 1, locked true
#     the second gave up: running 0, locked false
#     the third has it as well: true
#     without any option, let in at once: 5
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @openally/mutex@2.0.0 node@22.19.0
cat > try.mjs << 'JS'
import { Mutex } from "@openally/mutex"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const within = (promise) => Promise.race([promise.then(() => true), sleep(300).then(() => false)])
const state = (mutex) => `running ${mutex.running}, locked ${mutex.locked}`

const mutex = new Mutex({ concurrency: 1 })
await mutex.acquire()
console.log(`the first has it: ${state(mutex)}`)
const second = new AbortController()
setTimeout(() => second.abort(), 100)
await mutex.acquire({ signal: second.signal }).catch(() => console.log(`the second gave up: ${state(mutex)}`))
console.log(`the third has it as well: ${await within(mutex.acquire())}`)

const plain = new Mutex()
const asked = await Promise.all(Array.from({ length: 10 }, () => within(plain.acquire())))
console.log(`without any option, let in at once: ${asked.filter(Boolean).length}`)
process.exit()
JS
expected="the first has it: running 1, locked true
the second gave up: running 0, locked false
the third has it as well: true
without any option, let in at once: 5"
seen=$(npx node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
