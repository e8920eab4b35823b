/**
 * Keys made of a function's own arguments: one lock per customer and month.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option } from "effect"
import { InMemoryBackend, Lock, LockKey } from "effect-lock"

// The compiler knows the names: invoiceKey({ customer: 1 }) does not compile, nor does "{0}"
const invoiceKey = LockKey.template("invoice-{customer}-{month}")

// Effect.fn hands its arguments to the combinators after the body
const sendInvoice = Effect.fn("sendInvoice")(
  function*(customer: string, month: string) {
    yield* Effect.sleep("30 millis")
    return `invoice for ${month} sent to ${customer}`
  },
  (effect, customer, month) => Lock.once(effect, invoiceKey({ customer, month }))
)

const program = Effect.gen(function*() {
  const requests = [["ada", "may"], ["ada", "may"], ["ada", "june"], ["bob", "may"]] as const
  const results = yield* Effect.forEach(requests, ([customer, month]) => sendInvoice(customer, month), {
    concurrency: "unbounded"
  })
  for (const [i, result] of results.entries()) {
    const [customer, month] = requests[i]
    const key = invoiceKey({ customer, month })
    yield* Console.log(`${key.padEnd(18)} ${Option.getOrElse(result, () => "is being sent already")}`)
  }

  // Different arguments never share a key, even with the separator inside them
  yield* Console.log(
    invoiceKey({ customer: "ada-may", month: "x" }),
    "is not",
    invoiceKey({ customer: "ada", month: "may-x" })
  )
})

program.pipe(Effect.provide(InMemoryBackend.layer), NodeRuntime.runMain)
