#!/usr/bin/env bash
# classic-level 3.0.0 (`level` in Node): of two writes of one key, called one after the other, the first one may have the last word.
#
# `put`, `del` and `batch` give promises, and a store in one process, that only one process may open, has an order in which they
# were called. So one expects the last call to win, whether the first was awaited or not, as with files that are written by one queue, a
# Map, Redis or lmdb. Each write is given to a thread of its own, and they take LevelDB's lock in whatever order they come to it.
# So two writers of a state in one program, each of which awaits its own `put`, may leave the older one for good: some of a hundred times,
# more often where the first value is long. A `del` may be undone by the `put` before it. It does not happen with one thread.
#
# Seen with Node 20 (until it is seen, in up to 20000 rounds):
#
#     put 1 and put 2, each awaited: 2 is there, always
#     put 1 and put 2: 1 is there, sometimes
#     put and del: put is there, sometimes
#     batch and put: batch is there, sometimes
#     put 1 and put 2, UV_THREADPOOL_SIZE=1: 2 is there, always
#
# Succeeds while this is so. What to do instead: one queue for the writes of a key, or one `batch` for both.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund classic-level@3.0.0
cat > try.mjs << 'JS'
import { ClassicLevel } from "classic-level"

const db = new ClassicLevel(`data-${process.argv[2]}`)
const many = Array.from({ length: 200 }, (_, n) => ({ type: "put", key: `key ${n}`, value: "batch" }))
const long = "1".repeat(10_000)
const ways = {
  "put 1 and put 2, each awaited": [async () => (await db.put("key 1", long), await db.put("key 1", "2")), "2", "1"],
  "put 1 and put 2": [() => Promise.all([db.put("key 1", long), db.put("key 1", "2")]), "2", "1"],
  "put and del": [() => Promise.all([db.put("key 1", "put"), db.del("key 1")]), undefined, "put"],
  "batch and put": [() => Promise.all([db.batch(many), db.put("key 1", "put")]), "put", "batch"]
}
const look = async (name, words, rounds) => {
  const [way, last, first] = ways[name]
  let seen = `${last} is there, always`
  for (let round = 0; round < rounds; round++) {
    await way()
    if (await db.get("key 1") === last) continue
    seen = `${first} is there, sometimes`
    break
  }
  console.log(`${words}: ${seen}`)
}
if (process.env.UV_THREADPOOL_SIZE) {
  await look("put 1 and put 2", "put 1 and put 2, UV_THREADPOOL_SIZE=1", 2000)
} else {
  await look("put 1 and put 2, each awaited", "put 1 and put 2, each awaited", 2000)
  for (const name of Object.keys(ways).slice(1)) await look(name, name, 20_000)
}
JS
expected="put 1 and put 2, each awaited: 2 is there, always
put 1 and put 2: 1 is there, sometimes
put and del: put is there, sometimes
batch and put: batch is there, sometimes
put 1 and put 2, UV_THREADPOOL_SIZE=1: 2 is there, always"
seen=$(node try.mjs some && UV_THREADPOOL_SIZE=1 node try.mjs one)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
