#!/usr/bin/env bash
# mutex-ts 1.0.3, `MutexRW`: of two writers that ask one right after the other, the second one has readers beside it.
#
# A writer is alone, readers keep out, that is what the lock is for, and with one writer at a time, or two that come at different
# moments, it is so. But "somebody writes" is one flag for all writers, and it is taken away by a callback of the first one's release. A
# second writer that began to wait before the first one had begun, in the same turn of the event loop, is woken before that callback:
# it sets the flag, which is already set, and then the first one's callback takes it away. For all of the second one's time
# readers are let in, and read what is half written.
#
# Seen with Node 20 (a writer, another one, and a reader that comes while the second one writes):
#
#     two writers, 5 ms apart: the reader came in when nobody wrote
#     two writers in one turn: the reader came in beside a writer
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mutex-ts@1.0.3
cat > try.mjs << 'JS'
import { MutexRW } from "mutex-ts"
import { setTimeout } from "node:timers/promises"

const look = async (words, apart) => {
  const lock = new MutexRW()
  let writing = 0
  let begun
  const second = new Promise((done) => begun = done)
  const write = async (told) => {
    const release = await lock.obtainRW()
    writing++
    told?.()
    await setTimeout(50)
    writing--
    release()
  }
  const one = write()
  if (apart) await setTimeout(5)
  const two = write(begun)
  await second
  await setTimeout(5)
  const release = await lock.obtainRO()
  console.log(`${words}: the reader came in ${writing ? "beside a writer" : "when nobody wrote"}`)
  release()
  await Promise.all([one, two])
}
await look("two writers, 5 ms apart", true)
await look("two writers in one turn", false)
JS
expected="two writers, 5 ms apart: the reader came in when nobody wrote
two writers in one turn: the reader came in beside a writer"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
