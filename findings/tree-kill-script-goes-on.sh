#!/usr/bin/env bash
# tree-kill 1.2.2: children are told to end before their parent, so that a shell script goes on with its next line.
#
# Who stops a script with all that it has started expects that nothing of it runs after that. tree-kill signals the leaves first
# and the root last. A shell that waits for a command sees it end, and runs the next line, in the moment before its own signal
# comes: what was to be stopped in the middle of its first step begins the second. Parents first, or the whole process group by one
# call, leaves no such moment.
#
# The script below has a moment of 50 ms, as on a busy machine, after each signal. Linux only, needs `ps`. Seen with Node 20 and 22:
#
#     told to end: the command, then the script
#     the script said: next step
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund tree-kill@1.2.2
cat > try.mjs << 'JS'
import { spawn } from "node:child_process"
import { once } from "node:events"
import kill from "tree-kill"

const script = spawn("sh", ["-c", `sh -c 'echo $$; exec sleep 1000'; echo next step`])
let said = ""
script.stdout.on("data", (data) => said += data)
while (!said.includes("\n")) await once(script.stdout, "data")
const command = Number(said)
said = ""

const told = []
const signal = process.kill.bind(process)
process.kill = (pid, name) => {
  told.push({ [command]: "the command", [script.pid]: "the script" }[pid])
  signal(pid, name)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
}
kill(script.pid)
await once(script, "close")
console.log("told to end:", told.join(", then "))
console.log("the script said:", said.trim())
JS
expected="told to end: the command, then the script
the script said: next step"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
