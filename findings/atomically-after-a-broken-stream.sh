#!/usr/bin/env bash
# atomically 2.1.1 (the writer of conf): a file that is written from a stream which breaks off is never written again, and nobody is told.
#
# `writeFile(path, stream)` writes all of it or nothing, writers of one file wait for each other, and there is a timeout for what
# fails. So one expects a stream that fails to fail its write, as with `writeFile` of `node:fs/promises`, and the next write to be
# done. But what is waited for is that the stream has been written to its end, and that never comes: the write neither resolves nor
# rejects, the stream's error is the stream's (it ends the process, if nobody listens to it), and the lock of the file stays with that write.
# Whoever writes the file after that, whatever he writes, waits for as long as the process lives. The temporary file stays, too.
#
# Seen with Node 20 (a stream that fails after half of it):
#
#     node:fs: failed: broken off; the next one: written
#     atomically: not told; the next one: not told; another file: written
#
# Succeeds while this is so. What to do instead: read the stream first (`node:stream/consumers`), and write what it gave.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund atomically@2.1.1
cat > try.mjs << 'JS'
import { writeFile } from "atomically"
import * as fs from "node:fs/promises"
import { Readable } from "node:stream"
import { setTimeout } from "node:timers/promises"

const broken = () => {
  const stream = Readable.from((async function*() {
    yield "half"
    throw new Error("broken off")
  })())
  stream.on("error", () => {})
  return stream
}
const told = (promise) =>
  Promise.race([promise.then(() => "written", (error) => `failed: ${error.message}`), setTimeout(3000, "not told")])
console.log(`node:fs: ${await told(fs.writeFile("a", broken()))}; the next one: ${await told(fs.writeFile("a", "next"))}`)
const seen = [await told(writeFile("b", broken(), { timeout: 500 })), await told(writeFile("b", "next", { timeout: 500 }))]
console.log(`atomically: ${seen.join("; the next one: ")}; another file: ${await told(writeFile("c", "other"))}`)
process.exit()
JS
expected="node:fs: failed: broken off; the next one: written
atomically: not told; the next one: not told; another file: written"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
