#!/usr/bin/env bash
# piscina 5.3.2: with `stricterFIFO`, tasks that have an abort signal are done last in, first out.
#
# `stricterFIFO` is for tasks to be done in the order in which they came, and for one that has a signal, so that it can be given
# up, one expects nothing else. But those with a signal wait in a list of their own, to whose front each one goes that finds no
# worker free: whoever comes last is next. Under a load that does not end, the first of those who wait is never done, and it is
# the one whose time limit, by `AbortSignal.timeout`, comes first. That is so as long as all have a signal; between tasks
# without one they keep their place.
#
# Seen with Node 20 (one thread; tasks 1 to 8 are given at the same time; 1 begins at once):
#
#     without a signal: 1, 2, 3, 4, 5, 6, 7, 8
#     with a signal: 1, 8, 7, 6, 5, 4, 3, 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund piscina@5.3.2
cat > try.mjs << 'JS'
import { writeFileSync } from "node:fs"
import { Piscina } from "piscina"

writeFileSync("worker.mjs", "export default (number) => new Promise((resolve) => setTimeout(resolve, 50, number))")
const filename = new URL("./worker.mjs", import.meta.url).href
for (const name of ["without a signal", "with a signal"]) {
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1, stricterFIFO: true })
  await pool.run(0)
  const { signal } = new AbortController()
  const done = []
  const tasks = [1, 2, 3, 4, 5, 6, 7, 8].map(async (number) => {
    done.push(await pool.run(number, name === "with a signal" ? { signal } : {}))
  })
  await Promise.all(tasks)
  console.log(`${name}: ${done.join(", ")}`)
  await pool.destroy()
}
process.exit()
JS
expected="without a signal: 1, 2, 3, 4, 5, 6, 7, 8
with a signal: 1, 8, 7, 6, 5, 4, 3, 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
