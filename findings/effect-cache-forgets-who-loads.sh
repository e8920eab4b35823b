#!/usr/bin/env bash
# effect 4.1.0: a `Cache` that loads more keys at a time than its `capacity` loads each of them several times at once.
#
# A `Cache` loads a key once, however many ask for it meanwhile, and `capacity` is how many results it keeps. So one expects
# that a small capacity costs loads later on, and that of those who ask for a key while it is being loaded none loads it again: there is
# no result yet to evict. But what is being loaded counts, and is evicted like the rest, while its load goes on: whoever asks for it then begins
# another load beside it, and evicts somebody else's. Under load, which the cache is to keep from the database, it lets through all of it.
#
# Seen (users ask for a profile in turn, three times each, all at the same time; a load takes 50 ms):
#
#     capacity 10, 10 users: 10 loads, of one user at the same time: 1
#     capacity 10, 11 users: 33 loads, of one user at the same time: 3
#
# Succeeds while this is so. What to do instead: a capacity of more than are ever loaded at a time.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Cache, Effect } from "effect"

const look = (capacity, users) =>
  Effect.gen(function*() {
    const now = new Map()
    let loads = 0
    let most = 0
    const cache = yield* Cache.make({
      capacity,
      lookup: (user) =>
        Effect.gen(function*() {
          loads++
          now.set(user, (now.get(user) ?? 0) + 1)
          most = Math.max(most, now.get(user))
          yield* Effect.sleep("50 millis")
          now.set(user, now.get(user) - 1)
          return user
        })
    })
    const ids = Array.from({ length: users }, (_, i) => i)
    yield* Effect.forEach([...ids, ...ids, ...ids], (user) => Cache.get(cache, user), { concurrency: "unbounded" })
    console.log(`capacity ${capacity}, ${users} users: ${loads} loads, of one user at the same time: ${most}`)
  })
await Effect.runPromise(look(10, 10))
await Effect.runPromise(look(10, 11))
JS
expected="capacity 10, 10 users: 10 loads, of one user at the same time: 1
capacity 10, 11 users: 33 loads, of one user at the same time: 3"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
