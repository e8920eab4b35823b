import { Effect } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { conformance } from "effect-lock/testing"

await Effect.runPromise(conformance.serve((argument) => RedisBackend.makeStore(JSON.parse(argument))))
