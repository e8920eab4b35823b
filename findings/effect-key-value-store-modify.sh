#!/usr/bin/env bash
# effect 4.1.0: `KeyValueStore.modify` on files loses what others write meanwhile, in one process too.
#
# `modify(key, f)` "updates the value of the specified key". What is called so elsewhere in Effect (`Ref.modify`,
# `SubscriptionRef.modify`, a transaction) is one step, and one expects two fibers that add one each to have added two. It is a
# read and a write with nothing between them that keeps others out. In memory neither yields, and nothing is lost, so that tests
# pass. On the file system both wait for the disk, and of ten that add one at once most are lost. The same is to be
# expected of each store that is asked over a network. A count of attempts, a list that is added to, and a lease that is renewed
# are such updates.
#
# Seen with @effect/platform-node 4.1.0, Node 22.19 (ten fibers add one each):
#
#     layerMemory: all ten
#     layerFileSystem: some were lost
#     layerFileSystem, one permit: all ten
#
# Succeeds while this is so. What to do instead: a `Semaphore` around `modify`, where one process writes; a lock, where several
# do.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 @effect/platform-node@4.1.0
cat > try.mjs << 'JS'
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Semaphore } from "effect"
import * as KeyValueStore from "effect/persistence/KeyValueStore"

const count = (permits) =>
  Effect.gen(function*() {
    const store = yield* KeyValueStore.KeyValueStore
    const semaphore = yield* Semaphore.make(permits)
    yield* store.set("count", "0")
    const add = semaphore.withPermits(1)(store.modify("count", (value) => `${Number(value) + 1}`))
    yield* Effect.all(Array.from({ length: 10 }, () => add), { concurrency: "unbounded" })
    return (yield* store.get("count")) === "10" ? "all ten" : "some were lost"
  })
const files = KeyValueStore.layerFileSystem("store").pipe(Layer.provide(NodeServices.layer))
console.log(`layerMemory: ${await Effect.runPromise(Effect.provide(count(10), KeyValueStore.layerMemory))}`)
console.log(`layerFileSystem: ${await Effect.runPromise(Effect.provide(count(10), files))}`)
console.log(`layerFileSystem, one permit: ${await Effect.runPromise(Effect.provide(count(1), files))}`)
JS
expected="layerMemory: all ten
layerFileSystem: some were lost
layerFileSystem, one permit: all ten"
seen=$(npx --yes --package node@22.19.0 node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
