import { Effect } from "effect"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"
import { conformance } from "effect-lock/testing"

await Effect.runPromise(conformance.serve((server) => MemcacheBackend.makeStore({ servers: [server] })))
