#!/usr/bin/env bash
# radashi 12.9.6 and radash 12.1.1: `defer` cleans up in the order of taking, and after one failure that is to be told, not any more.
#
# `defer` is for cleanup that "should be done on fail or success no matter": functions "that will all be called when the function exits
# in any state". The name is Go's, where they run from the last to the first, as what was taken later may need what was taken before,
# and where all of them run, also when one panics. Here they run from the first to the last: the connection is closed before the
# lock that lives in it is given back. And `rethrow: true`, which is there so that a failed cleanup is told, ends the cleanup: what
# was registered after it is never called, so that what it holds stays taken.
#
# Seen with Node 20 (a connection, a lock and a file are taken, in this order; giving the lock back fails):
#
#     radashi: connection, lock; told "lock"
#     radash: connection, lock; told "lock"
#     AsyncDisposableStack (of core-js): file, lock, connection; told "lock"
#
# Succeeds while this is so. What to do instead: `AsyncDisposableStack`, which Node 24 has.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund radash@12.1.1 radashi@12.9.6 core-js-pure@3.46.0
cat > try.mjs << 'JS'
import AsyncDisposableStack from "core-js-pure/actual/async-disposable-stack/index.js"
import * as radash from "radash"
import * as radashi from "radashi"

const look = async (name, use) => {
  const closed = []
  const told = await use((it) => async () => {
    closed.push(it)
    if (it === "lock") throw new Error(it)
  }).then(() => "nothing", (error) => error.message)
  console.log(`${name}: ${closed.join(", ")}; told "${told}"`)
}
const things = ["connection", "lock", "file"]
for (const [name, { defer }] of [["radashi", radashi], ["radash", radash]]) {
  await look(name, (close) =>
    defer(async (defer) => {
      for (const it of things) defer(close(it), { rethrow: true })
    }))
}
await look("AsyncDisposableStack (of core-js)", async (close) => {
  const stack = new AsyncDisposableStack()
  for (const it of things) stack.defer(close(it))
  await stack.disposeAsync()
})
JS
expected="radashi: connection, lock; told \"lock\"
radash: connection, lock; told \"lock\"
AsyncDisposableStack (of core-js): file, lock, connection; told \"lock\""
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
