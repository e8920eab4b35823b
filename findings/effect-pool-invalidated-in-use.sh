#!/usr/bin/env bash
# effect 4.1.0: a pool of size 1 has two items in use at once when the first one is invalidated by its user.
#
# `Pool.invalidate` is for an item that has become unsuitable. Its user calls it while having the item (a query failed), and one
# expects the pool to replace it when it is given back, as that is when it can be closed: a pool of a fixed size has that many
# at any time. But an invalidated item counts no more from that moment. The pool makes another at once and gives it to the next
# one, while the first is in use, and so on, without a bound. So a `size` that is what a server admits does not hold in the very
# moment in which queries fail, and a pool of size 1 excludes nobody.
#
# Seen with Node 20 (five users of a pool of size 1, each of which finds its item unsuitable and uses it a little longer):
#
#     without invalidate: 1 in use at most
#     with invalidate: 5 in use at most
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Pool } from "effect"

const most = (use, time) =>
  Effect.scoped(Effect.gen(function*() {
    let inUse = 0
    let most = 0
    const pool = yield* Pool.make({ acquire: Effect.sync(() => ({})), size: 1 })
    const user = Pool.use(pool, (item) =>
      Effect.gen(function*() {
        most = Math.max(most, ++inUse)
        yield* use(pool, item)
        yield* Effect.sleep(time)
        inUse--
      }))
    yield* Effect.all(Array(5).fill(user), { concurrency: "unbounded" })
    return most
  }))
console.log(`without invalidate: ${await Effect.runPromise(most(() => Effect.void, "100 millis"))} in use at most`)
console.log(`with invalidate: ${await Effect.runPromise(most(Pool.invalidate, "3 seconds"))} in use at most`)
JS
expected="without invalidate: 1 in use at most
with invalidate: 5 in use at most"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
