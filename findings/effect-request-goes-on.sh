#!/usr/bin/env bash
# effect 4.1.0: a request whose callers have all given up is carried out to its end, which effect 3 ended with them.
#
# Interruption reaches what one waits for: that is why `Effect.timeout` ends a query, and frees the connection that it holds. So
# it was with requests: when all who waited for a batch were interrupted, effect 3 interrupted the resolver. In 4
# a batch that has begun belongs to nobody. Who gives up stops waiting, and what was begun goes on: its connection or permit
# stays taken for as long as the backend takes, a time limit that is put around a slow backend takes no load off it, and each
# new try adds to it. Only a request whose batch has not begun is taken back.
#
# Seen with Node 20 (three requests under a time limit, and a resolver that holds the only permit):
#
#     effect 3.19.13: timed out, interrupted, permit is free
#     effect 4.1.0: timed out, permit is taken, done when it is let
#
# Succeeds while this is so. What to do instead: a time limit inside of the resolver.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 effect3@npm:effect@3.19.13
cat > try.mjs << 'JS'
import * as four from "effect"
import * as three from "effect3"

const tries = async (name, { Deferred, Effect, Request, RequestResolver }, makeSemaphore, makeResolver) => {
  const Get = Request.tagged("Get")
  const program = Effect.gen(function*() {
    const events = []
    const goOn = yield* Deferred.make()
    const semaphore = yield* makeSemaphore(1)
    const resolver = makeResolver((entries) =>
      Deferred.await(goOn).pipe(
        Effect.tap(() => Effect.sync(() => events.push("done when it is let"))),
        Effect.onInterrupt(() => Effect.sync(() => events.push("interrupted"))),
        Effect.andThen(Effect.forEach(entries, (entry) => Request.succeed(entry, "found"), { discard: true })),
        semaphore.withPermits(1)
      )
    )
    const exit = yield* Effect.forEach(
      [1, 2, 3],
      (id) => Effect.request(Get({ id }), resolver),
      { concurrency: "unbounded", batching: true }
    ).pipe(Effect.timeout("100 millis"), Effect.exit)
    events.push(exit._tag === "Failure" ? "timed out" : "found")
    const free = yield* semaphore.withPermits(1)(Effect.void).pipe(
      Effect.timeout("200 millis"),
      Effect.exit
    )
    events.push(free._tag === "Success" ? "permit is free" : "permit is taken")
    yield* Deferred.succeed(goOn, undefined)
    yield* Effect.sleep("50 millis")
    console.log(`${name}: ${events.join(", ")}`)
  })
  await Effect.runPromise(program)
}
await tries("effect 3.19.13", three, three.Effect.makeSemaphore, three.RequestResolver.makeBatched)
await tries("effect 4.1.0", four, four.Semaphore.make, four.RequestResolver.make)
JS
expected="effect 3.19.13: timed out, interrupted, permit is free
effect 4.1.0: timed out, permit is taken, done when it is let"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
