#!/usr/bin/env bash
# idb-mutex 0.11.0: two tasks of one page are both let in, and who was too slow unlocks for the one who came after.
#
# "Mutex implementation based on IndexedDB locks", for the tabs of a site. One expects a second `lock()` to wait until the
# first is unlocked, whoever calls it. But the record says which `Mutex` object has it, and that object may have it again, at once:
# a click that comes twice, or two parts of a page that share the mutex, are in together, and the first `unlock` is one for
# both. And `unlock` does not look at whose the record is. A tab that was suspended for longer than `expiry`, and lost the lock
# to another, frees that one's lock when it ends, and a third one is let in beside it.
#
# Seen with fake-indexeddb 6.2.8, Node 20:
#
#     two tasks with one mutex: 2 at work at once
#     a was too slow, b has taken over, a unlocks; c asks: let in beside b
#
# Succeeds while this is so. What to do instead: the Web Locks of the browser.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund idb-mutex@0.11.0 fake-indexeddb@6.2.8
cat > try.mjs << 'JS'
import "fake-indexeddb/auto"
import module from "idb-mutex"

const Mutex = module.default
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const mutex = new Mutex("document")
let [working, most] = [0, 0]
const task = async () => {
  await mutex.lock()
  most = Math.max(most, ++working)
  await sleep(300)
  working--
  await mutex.unlock()
}
await Promise.all([task(), task()])
console.log(`two tasks with one mutex: ${most} at work at once`)

const [a, b, c] = [300, 10_000, 10_000].map((expiry) => new Mutex("other", undefined, { expiry }))
await a.lock()
await sleep(500)
await b.lock()
await a.unlock()
const seen = await Promise.race([c.lock().then(() => "let in beside b"), sleep(1000).then(() => "waits")])
console.log(`a was too slow, b has taken over, a unlocks; c asks: ${seen}`)
process.exit()
JS
expected="two tasks with one mutex: 2 at work at once
a was too slow, b has taken over, a unlocks; c asks: let in beside b"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
