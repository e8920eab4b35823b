#!/usr/bin/env bash
# effect 4.1.0: `FiberSet.join`, which "joins all fibers" of a set, never ends when all of them have succeeded, and fails ever after one has failed.
#
# To join fibers is to wait until they have ended. "If any fiber in the set terminates with a failure, the returned Effect will terminate
# with the first failure", so one expects it to end by itself when none of them fails. But it waits for a failure, or for the set to be
# closed, and for nothing else: without a failure, the program stands still at that line, though the set is empty. And the failure stays:
# what is put in the set later runs, and a join of it fails at once with what failed before, while it is at work. It is the same in
# `FiberMap.join`.
#
# Seen (jobs of 50 ms; whoever waits gives up after half a second):
#
#     three that succeed, join: still waits
#       in the set: 0
#     three that succeed, awaitEmpty: ends
#     FiberMap.join: still waits
#     one that fails, join: fails: first batch
#     one that succeeds, join: fails: first batch
#       done by then: false
#       in the end: true
#
# Succeeds while this is so. What to do instead: `FiberSet.awaitEmpty` for the end, raced with `FiberSet.join` for failures; a set for
# each batch.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, FiberMap, FiberSet } from "effect"

const wait = (words, waiting) =>
  waiting.pipe(
    Effect.match({ onFailure: (error) => `fails: ${error}`, onSuccess: () => "ends" }),
    Effect.timeoutOrElse({ duration: "500 millis", orElse: () => Effect.succeed("still waits") }),
    Effect.tap((told) => Effect.sync(() => console.log(`${words}: ${told}`)))
  )
const good = Effect.sleep("50 millis")
const bad = Effect.delay(Effect.fail("first batch"), "10 millis")
await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const set = yield* FiberSet.make()
  for (let i = 0; i < 3; i++) yield* FiberSet.run(set, good)
  yield* wait("three that succeed, join", FiberSet.join(set))
  console.log(`  in the set: ${yield* FiberSet.size(set)}`)
  for (let i = 0; i < 3; i++) yield* FiberSet.run(set, good)
  yield* wait("three that succeed, awaitEmpty", FiberSet.awaitEmpty(set))
  const map = yield* FiberMap.make()
  for (let i = 0; i < 3; i++) yield* FiberMap.run(map, i, good)
  yield* wait("FiberMap.join", FiberMap.join(map))

  yield* FiberSet.run(set, bad)
  yield* wait("one that fails, join", FiberSet.join(set))
  let done = false
  yield* FiberSet.run(set, Effect.tap(good, () => Effect.sync(() => done = true)))
  yield* wait("one that succeeds, join", FiberSet.join(set))
  console.log(`  done by then: ${done}`)
  yield* FiberSet.awaitEmpty(set)
  console.log(`  in the end: ${done}`)
})))
JS
expected="three that succeed, join: still waits
  in the set: 0
three that succeed, awaitEmpty: ends
FiberMap.join: still waits
one that fails, join: fails: first batch
one that succeeds, join: fails: first batch
  done by then: false
  in the end: true"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
