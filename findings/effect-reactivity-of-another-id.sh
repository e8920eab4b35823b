#!/usr/bin/env bash
# effect 4.1.0: a `Reactivity` query of user 1 is asked again whenever any other user changes, however its keys name the id.
#
# Keys of `Reactivity` (and so of `SqlClient.reactive`, atoms, and event logs) are a list of names, or a record of names with ids:
# a mutation of `{ users: [1] }` "invalidates the `users` query with ID 1", say the docs, and `["users"]` all of them. So one gives the
# query of each user its id, and expects it to be asked again when that one changes. But a record stands for its name as well as for
# name and id, in the query and in the mutation, and they meet in the name: with a thousand queries open, each change of one row
# asks the database a thousand times. In a list of "users:1" they are told apart.
#
# Seen with Node 24 (a thousand queries, one for each user; user 7 changes):
#
#     { users: [id] }: 1000 queries were asked again
#     ["users:" + id]: 1 query was asked again
#
# Succeeds while this is so. What to do instead: the list, with `"users"` in the mutation beside "users:7" for those who list all.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect } from "effect"
import { Reactivity } from "effect/reactivity"

const asked = (keysOf) =>
  Effect.gen(function*() {
    const counts = new Map()
    const one = (id) => Effect.sync(() => counts.set(id, (counts.get(id) ?? 0) + 1))
    for (let id = 1; id <= 1000; id++) yield* Reactivity.query(one(id), keysOf(id))
    yield* Effect.sleep(50)
    yield* Reactivity.mutation(Effect.void, keysOf(7))
    yield* Effect.sleep(50)
    const again = [...counts.values()].filter((count) => count > 1).length
    return again === 1 ? "1 query was asked again" : `${again} queries were asked again`
  }).pipe(Effect.provide(Reactivity.layer), Effect.scoped, Effect.runPromise)

console.log(`{ users: [id] }: ${await asked((id) => ({ users: [id] }))}`)
console.log(`["users:" + id]: ${await asked((id) => [`users:${id}`])}`)
JS
expected='{ users: [id] }: 1000 queries were asked again
["users:" + id]: 1 query was asked again'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
