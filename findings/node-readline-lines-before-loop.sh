#!/usr/bin/env bash
# Node 20.20.2, 22.19.0, 24.21.0 and 26.10.0: an await between `readline.createInterface` and its loop loses the lines, and the loop never ends.
#
# `for await (const line of lines)` is how a program works through jobs that come line by line. A stream of Node waits for whoever reads it, and
# so one expects `createInterface({ input })` to begin with the loop: one makes it, takes the lock or connects, and then reads. But
# it reads from the moment it is made, and says its lines to whoever listens then, nobody. What came during the await is gone
# without an error. If that was all of it, the loop waits for an end that has been: code after it is not run, a lock that was taken
# for it is not given back in `finally`, and a program that waits for nothing else ends in the midst, with 0 within a function.
#
# Seen (a file of three lines; "lock taken" is an await of 50 ms):
#
#     v20.20.2: lock taken before: a b c, lock given back, 0; lock taken between: no line, 0
#     v22.19.0: lock taken before: a b c, lock given back, 0; lock taken between: no line, 0
#     v24.21.0: lock taken before: a b c, lock given back, 0; lock taken between: no line, 0
#     v26.10.0: lock taken before: a b c, lock given back, 0; lock taken between: no line, 0
#
# Succeeds while this is so. What to do instead: no await between; or `(await open(path)).readLines()`, made in the loop's head.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0 node26@npm:node@26.10.0
printf 'a\nb\nc\n' > jobs
cat > try.mjs << 'JS'
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"

const takeLock = () => new Promise((resolve) => setTimeout(resolve, 50))
const open = () => createInterface({ input: createReadStream("jobs") })
const seen = []
process.on("exit", (code) => console.log(`${seen.join(" ") || "no line"}, ${code}`))

const work = async () => {
  let lines
  if (process.argv[2] === "between") lines = open()
  await takeLock()
  try {
    for await (const line of lines ?? open()) seen.push(line)
  } finally {
    seen[seen.length - 1] += ", lock given back"
  }
}
work()
JS
expected=$(for version in v20.20.2 v22.19.0 v24.21.0 v26.10.0; do
  echo "$version: lock taken before: a b c, lock given back, 0; lock taken between: no line, 0"
done)
seen=$(for name in node20 node22 node24 node26; do
  node=node_modules/$name/bin/node
  echo "$("$node" --version): lock taken before: $("$node" try.mjs before); lock taken between: $("$node" try.mjs between)"
done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
