import { Effect } from "effect"
import * as FileBackend from "effect-lock/FileBackend"
import { conformance } from "effect-lock/testing"

await Effect.runPromise(conformance.serve((directory) => FileBackend.makeStore({ directory })))
