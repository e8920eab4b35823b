#!/usr/bin/env bash
# cross-process-lock 2.2.0: tasks of one process are all let in, and `unlock` by one unlocks for the other.
#
# "File locking solution with lock-queue": one expects that who cannot have the lock waits, whoever holds it. But a lock
# file that carries one's own process id counts as free (it would be right for an id left by a crash, if ids were not
# reused). So two tasks of a server that guard one file with it both work at once, and the first to end deletes the lock of
# the other, with the other still at work; then any process may come in too.
#
# Seen with Node 20:
#
#     a task has it: yes
#     another task of this process has it as well: yes
#     another process has it: no
#     the first task unlocks; another process has it, beside the second: yes
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund cross-process-lock@2.2.0
touch guarded
cat > other.cjs << 'JS'
const { lock } = require("cross-process-lock")
lock("guarded", { waitTimeout: 700 }).then(() => console.log("yes"), () => console.log("no"))
JS
cat > try.cjs << 'JS'
const { execFileSync } = require("node:child_process")
const { lock } = require("cross-process-lock")

const other = () => execFileSync(process.execPath, ["other.cjs"], { encoding: "utf8" }).trim()
const main = async () => {
  const unlock = await lock("guarded", { waitTimeout: 700 })
  console.log("a task has it: yes")
  const second = await lock("guarded", { waitTimeout: 700 }).then(() => "yes", () => "no")
  console.log("another task of this process has it as well:", second)
  console.log("another process has it:", other())
  await unlock()
  console.log("the first task unlocks; another process has it, beside the second:", other())
}
main()
JS
expected="a task has it: yes
another task of this process has it as well: yes
another process has it: no
the first task unlocks; another process has it, beside the second: yes"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
