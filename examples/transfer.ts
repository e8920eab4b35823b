/**
 * Money goes from one account to another, and both have to be locked. Two transfers
 * in opposite directions would wait for each other for ever if each took its own
 * account first; `withLocks` takes keys in one order, whatever the order they are named in.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Data, Effect } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

class Overdrawn extends Data.TaggedError("Overdrawn")<{ readonly account: string }> {}

const balances = new Map([["ada", 100], ["bob", 100], ["cem", 0]])

const balanceOf = (account: string) => Effect.delay(Effect.sync(() => balances.get(account)!), "1 millis")

const transfer = (from: string, to: string, amount: number) =>
  Effect.gen(function*() {
    const [source, target] = [yield* balanceOf(from), yield* balanceOf(to)]
    if (source < amount) return yield* new Overdrawn({ account: from })
    balances.set(from, source - amount)
    balances.set(to, target + amount)
  }).pipe(Lock.withLocks([`account-${from}`, `account-${to}`], { timeout: "20 seconds" }))

const program = Effect.gen(function*() {
  const names = ["ada", "bob", "cem"]
  const transfers = Array.from({ length: 30 }, (_, i) => transfer(names[i % 3], names[(i + 1 + i % 2) % 3], 7))
  const refused = yield* Effect.forEach(
    transfers,
    (one) => Effect.match(one, { onSuccess: () => 0, onFailure: () => 1 }),
    { concurrency: "unbounded" }
  )
  yield* Console.log(
    `30 transfers at once, ${refused.reduce((a, b) => a + b) < 30 ? "and back and forth" : "all refused"}`
  )
  yield* Console.log(`Together they have ${Array.from(balances.values()).reduce((a, b) => a + b)}`)
  const error = yield* Effect.flip(transfer("ada", "bob", 1_000))
  yield* Console.log(`One more: ${error._tag}`)
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
