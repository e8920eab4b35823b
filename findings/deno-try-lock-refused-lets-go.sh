#!/usr/bin/env bash
# Deno 2.9.6 and flock(1) of util-linux: who tries to make a shared lock exclusive, and is refused, has lost the shared one too.
#
# `file.tryLock(true)` on a file that is locked shared asks for more, and gives `false` when another reader is there. One expects a try that
# is refused to change nothing: one goes on reading under the lock that one has. But flock(2), which both use, changes a lock by giving
# the old one up first, and does not take it back when the new one cannot be had. Nothing tells of it: Deno gives the same `false` as
# for a lock that was never held, `flock -n` the same status. A writer is let in beside the one who believes to read
# under a lock. The locks of fs-native-extensions (open file description locks of fcntl(2)) keep what one had.
#
# Seen with util-linux 2.38.1 and Node 20 (two have a shared lock; one tries to make it exclusive; the other one goes; a writer tries):
#
#     Deno: the change is refused; a writer beside the reader: let in
#     flock: the change is refused; a writer beside the reader: let in
#     fs-native-extensions: the change is refused; a writer beside the reader: refused
#
# Succeeds while this is so. Needs flock(1). What to do instead: after a refused try, lock shared again, and read again what was read.
set -euo pipefail
command -v flock > /dev/null || { echo "needs flock"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 fs-native-extensions@1.5.1
cat > try.ts << 'TS'
const [reader, other, writer] = [1, 2, 3].map(() => Deno.openSync("deno.lock-file", { create: true, read: true, write: true }))
for (const it of [reader, other]) if (!await it.tryLock(false)) throw new Error("no shared lock")
const changed = await reader.tryLock(true)
await other.unlock()
console.log(`Deno: the change is ${changed ? "made" : "refused"}; a writer beside the reader: ${await writer.tryLock(true) ? "let in" : "refused"}`)
TS
cat > try.cjs << 'JS'
const { tryLock, tryUpgradeLock, unlock } = require("fs-native-extensions")
const { openSync } = require("node:fs")

const [reader, other, writer] = [1, 2, 3].map(() => openSync("ofd", "a+"))
for (const it of [reader, other]) if (!tryLock(it, { shared: true })) throw new Error("no shared lock")
const changed = tryUpgradeLock(reader)
unlock(other)
console.log(`fs-native-extensions: the change is ${changed ? "made" : "refused"}; a writer beside the reader: ${tryLock(writer) ? "let in" : "refused"}`)
JS
of_flock() {
  exec 7<> file 8<> file 9<> file
  flock -n -s 7
  flock -n -s 8
  local changed=refused writer=refused
  flock -n -x 7 && changed=made
  flock -u 8
  flock -n -x 9 && writer="let in"
  echo "flock: the change is $changed; a writer beside the reader: $writer"
}
expected="Deno: the change is refused; a writer beside the reader: let in
flock: the change is refused; a writer beside the reader: let in
fs-native-extensions: the change is refused; a writer beside the reader: refused"
seen=$(DENO_NO_UPDATE_CHECK=1 DENO_DIR="$folder/deno" npx deno run --quiet --allow-read --allow-write try.ts && of_flock && node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
