#!/usr/bin/env bash
# execa 9.6.1, nano-spawn 2.1.0 and tinyexec 1.4.0: a time limit is over when the last grandchild has ended, and not before.
#
# Their `timeout` (and abort signal) is that of Node's `execFile`, and is documented like it: what takes longer is killed, and the
# call fails. One expects to be told when the limit is over, as by `execFile`, also where what was run has started something: a shell
# script, `npm run`. But they wait for the output to be closed, and that is held open by each process that inherited it. The signal
# is for the child alone, so the call ends when the grandchild does, whatever the limit was; with a server that the script
# left running, that is never. With `forceKillAfterDelay` it is the same, as that is for the child as well.
#
# Seen with Node 20 (`sh -c "sleep 4; true"` with a limit of 200 ms; when the call fails):
#
#     after the limit: execFile, execa with stdio "ignore"
#     after the grandchild: execa, execa with forceKillAfterDelay, execa with cancelSignal, nano-spawn, tinyexec
#
# Succeeds while this is so. What to do instead: `detached: true`, and a signal to the whole group when the time is over.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund execa@9.6.1 nano-spawn@2.1.0 tinyexec@1.4.0
cat > try.mjs << 'JS'
import { execa } from "execa"
import spawn from "nano-spawn"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { x } from "tinyexec"

const it = ["sh", ["-c", "sleep 4; true"]]
const timeout = 200
const ways = {
  execFile: () => promisify(execFile)(...it, { timeout }),
  "execa with stdio \"ignore\"": () => execa(...it, { timeout, stdio: "ignore" }),
  execa: () => execa(...it, { timeout }),
  "execa with forceKillAfterDelay": () => execa(...it, { timeout, forceKillAfterDelay: 100 }),
  "execa with cancelSignal": () => execa(...it, { cancelSignal: AbortSignal.timeout(timeout) }),
  "nano-spawn": () => spawn(...it, { timeout }),
  tinyexec: () => x(...it, { timeout })
}
const outcomes = { "after the limit": [], "after the grandchild": [] }
for (const [name, way] of Object.entries(ways)) {
  const begin = Date.now()
  const failed = await way().then(() => false, () => true)
  if (!failed) throw new Error(`${name} has not failed`)
  outcomes[Date.now() - begin < 3000 ? "after the limit" : "after the grandchild"].push(name)
}
for (const [outcome, names] of Object.entries(outcomes)) console.log(`${outcome}: ${names.join(", ")}`)
JS
expected="after the limit: execFile, execa with stdio \"ignore\"
after the grandchild: execa, execa with forceKillAfterDelay, execa with cancelSignal, nano-spawn, tinyexec"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
