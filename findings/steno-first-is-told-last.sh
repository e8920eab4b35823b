#!/usr/bin/env bash
# steno 4.0.2 (the writer of lowdb 7.0.1): who wrote first is told last, perhaps never, and told that the last write failed.
#
# While a file is written, further writes wait, and of those only the newest is done: a single writer that saves work. Each
# `write` gives a promise, and one expects it to be settled when that content, or a newer one, is in the file. For those who
# wait it is so. The one that began is told when nobody waits any more: as long as others write, its promise stays pending
# though its content was on the disk at once, and `await db.write()` of lowdb goes on waiting. And how the last write ends is
# what the first is told: here the source of the last one breaks, and the first, which succeeded, is rejected with its error.
#
# Seen with Node 20 (each write is made while the one before is under way):
#
#     2 is done, 3 is done, 4 is done, 5 is done, 1 is done
#     2 is done, 3 is done, 4 is done, 5 failed: source broke, 1 failed: source broke
#
# Succeeds while this is so. What to do instead: make the first write of a batch one that nobody waits for.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund steno@4.0.2
cat > try.mjs << 'JS'
import { Writer } from "steno"

const tries = async (breaks) => {
  const writer = new Writer("file.txt")
  const told = []
  const all = []
  const write = (number) => {
    const content = async function*() {
      // The next one comes while this one is written.
      if (number < 5) write(number + 1)
      yield `content ${number}`
      if (number === breaks) throw new Error("source broke")
    }
    const say = (end) => told.push(`${number} ${end}`)
    all.push(writer.write(content()).then(() => say("is done"), (error) => say(`failed: ${error.message}`)))
  }
  write(1)
  while (told.length < 5) await Promise.all(all)
  console.log(told.join(", "))
}
await tries()
await tries(5)
JS
expected="2 is done, 3 is done, 4 is done, 5 is done, 1 is done
2 is done, 3 is done, 4 is done, 5 failed: source broke, 1 failed: source broke"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
