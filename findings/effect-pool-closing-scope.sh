#!/usr/bin/env bash
# effect 4.1.0: a pool that has shrunk to nothing gives a finalizer of its own scope no item, and the scope never closes.
#
# What is added to a scope later is released earlier, so a finalizer may use what is still open: a pool that was made before
# it, for instance to drop a table or to give back a lock by a database client. That works while the pool has an item left.
# A pool with a time to live and a minimum of 0 (as @effect/sql-pg's, after 60 seconds without use) has none after a while.
# `Pool.get` then forks the making of one into the pool's scope, which is being closed, so that the fiber is interrupted at
# once; the borrower hears nothing of it and waits for ever. Nor can it be interrupted, being a finalizer.
#
# Seen with Node 20 and 22:
#
#     a pool that has an item: closed
#     a pool that has none any more: open
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Exit, Pool, Scope } from "effect"

const closes = (idle) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const options = { acquire: Effect.succeed("item"), min: 0, max: 1, timeToLive: "50 millis" }
    const pool = yield* Scope.provide(Pool.makeWithTTL(options), scope)
    yield* Pool.use(pool, () => Effect.void)
    yield* Scope.addFinalizer(scope, Pool.use(pool, () => Effect.void))
    yield* Effect.sleep(idle)
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void))
    yield* Effect.sleep("2 seconds")
    return closing.pollUnsafe() === undefined ? "open" : "closed"
  })

console.log("a pool that has an item:", await Effect.runPromise(closes(0)))
console.log("a pool that has none any more:", await Effect.runPromise(closes(500)))
process.exit()
JS
expected="a pool that has an item: closed
a pool that has none any more: open"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
