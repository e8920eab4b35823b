#!/usr/bin/env bash
# effect 4.1.0: of a cluster's entity, one request whose handler has a defect begins again and again, and begins all others again with it.
#
# A request to an entity that is not `Persisted` is done at most once, one expects, and a defect in its handler is the answer to it, as it
# is with an `RpcServer`'s client. But a defect makes the entity start anew ("Defect in entity, restarting"), and all that it had been
# asked for and not answered is begun from the start, the request with the defect too. It has the same defect again, with half a second
# between at first, and so for ever: it is never answered, and neither is any other request to that entity that takes longer than the
# pause, also those that come later. Each time they are interrupted in the middle and begin again; what they had done until then is done
# as often. The others need no more than to be there: it is so with `concurrency: 1`, where they come after it, and with
# `defectRetryPolicy`, which sets the pauses and does not end it.
#
# Seen (a payment of 2 s that takes the money first, and a report that fails by a defect after 100 ms, asked at the same time; after 5 s):
#
#     concurrency 1: the report: begun more than once, answer: none; the payment: 10 taken more than once, answer: none
#     concurrency unbounded: the report: begun more than once, answer: none; the payment: 10 taken more than once, answer: none
#     disableFatalDefects: the report: begun once, answer: a defect; the payment: 10 taken once, answer: paid
#
# Succeeds while this is so. What to do instead: `disableFatalDefects: true`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Fiber, Layer, Logger, Schema } from "effect"
import { Entity, TestRunner } from "effect/cluster"
import { Rpc } from "effect/rpc"

const Account = Entity.make("Account", [
  Rpc.make("pay", { payload: { amount: Schema.Number }, success: Schema.String }),
  Rpc.make("report", { success: Schema.String })
])
const look = (words, options) => {
  let taken = 0
  let begun = 0
  const AccountLive = Account.toLayer({
    pay: ({ payload }) =>
      Effect.gen(function*() {
        taken += payload.amount
        yield* Effect.sleep("2 seconds")
        return "paid"
      }),
    report: () =>
      Effect.gen(function*() {
        begun++
        yield* Effect.sleep("100 millis")
        return yield* Effect.die(new Error("no such column"))
      })
  }, options)
  return Effect.gen(function*() {
    const account = (yield* Account.client)("alice")
    const answer = (request) =>
      request.pipe(
        Effect.catchCause(() => Effect.succeed("a defect")),
        Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.succeed("none") }),
        Effect.forkChild({ startImmediately: true })
      )
    const reported = yield* answer(account.report())
    const paid = yield* answer(account.pay({ amount: 10 }))
    const [report, payment] = yield* Fiber.joinAll([reported, paid])
    const often = (times) => times > 1 ? "more than once" : "once"
    console.log(`${words}: the report: begun ${often(begun)}, answer: ${report}; the payment: 10 taken ${often(taken / 10)}, answer: ${payment}`)
  }).pipe(Effect.provide(AccountLive.pipe(Layer.provideMerge(TestRunner.layer))), Effect.provide(Logger.layer([])))
}
await Effect.runPromise(look("concurrency 1", {}))
await Effect.runPromise(look("concurrency unbounded", { concurrency: "unbounded" }))
await Effect.runPromise(look("disableFatalDefects", { disableFatalDefects: true }))
process.exit()
JS
expected="concurrency 1: the report: begun more than once, answer: none; the payment: 10 taken more than once, answer: none
concurrency unbounded: the report: begun more than once, answer: none; the payment: 10 taken more than once, answer: none
disableFatalDefects: the report: begun once, answer: a defect; the payment: 10 taken once, answer: paid"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
