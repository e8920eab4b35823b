/** What every store must do, checked on memcached. */
import { Duration, Effect } from "effect"
import { conformance } from "effect-lock/testing"
import { conforms } from "../support/conforms.ts"
import { memcached } from "../support/memcached.ts"
import { program } from "../support/program.ts"
import { storeAt } from "./support.ts"

const all = conformance.conformance({
  name: "memcached",
  // A machine that is busy does not run everybody every second.
  lease: "2 seconds",
  // Up to three seconds come from counting in whole seconds.
  grain: "3100 millis",
  make: Effect.gen(function*() {
    const { port } = yield* memcached()
    const timeouts = { requestTimeout: "1 second", connectTimeout: "1 second" } as const
    const [one, other] = yield* Effect.all([storeAt(port, timeouts), storeAt(port, timeouts)])
    // Connected already: some cases count on an answer within few milliseconds.
    yield* Effect.all([one.inspect("key"), other.inspect("key")])
    return {
      one: { ...one, patience: Duration.millis(200) },
      other,
      program: yield* program("memcached", `127.0.0.1:${port}`)
    }
  })
})

conforms("memcached conforms", all)
