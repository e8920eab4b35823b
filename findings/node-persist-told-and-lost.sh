#!/usr/bin/env bash
# node-persist 4.0.4: what is set while an earlier value of its key is being written is told to be saved, and is lost.
#
# `writeQueueWriteOnlyLast`, the default, writes the last of the values that wait, and tells all who waited that theirs is done, for
# it would have been written over anyway. So one expects the last value in the file, as soon as `await setItem` says so. But who
# is told is looked up when the write is over: whoever came meanwhile is told as well, though what was written is older than his
# value, which is dropped, now and for ever. So a counter loses steps and a state goes back, the more so the slower the disk is.
#
# Seen with Node 20 (1 is set, and 2 as soon as the write of 1 has begun; both are awaited):
#
#     by default: 1 and 2 are saved, it is told; read: 1
#     with `writeQueueWriteOnlyLast: false`: 1 and 2 are saved, it is told; read: 2
#
# Succeeds while this is so. What to do instead: `writeQueueWriteOnlyLast: false`, or one `setItem` of a key at a time.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node-persist@4.0.4
cat > try.mjs << 'JS'
import fs from "node:fs"
import persist from "node-persist"

// the second value is set when the write of the first one has begun
const { writeFile } = fs
let begun
const alive = setInterval(() => {}, 1000)
fs.writeFile = (...args) => {
  writeFile(...args)
  begun()
}
const look = async (words, options) => {
  const storage = persist.create({ dir: words.replaceAll(/\W/g, ""), ...options })
  await storage.init()
  const began = new Promise((done) => begun = done)
  const first = storage.setItem("state", 1)
  await began
  const second = storage.setItem("state", 2)
  await Promise.all([first, second])
  console.log(`${words}: 1 and 2 are saved, it is told; read: ${await storage.getItem("state")}`)
}
await look("by default", {})
await look("with `writeQueueWriteOnlyLast: false`", { writeQueueWriteOnlyLast: false })
clearInterval(alive)
JS
expected="by default: 1 and 2 are saved, it is told; read: 1
with \`writeQueueWriteOnlyLast: false\`: 1 and 2 are saved, it is told; read: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
