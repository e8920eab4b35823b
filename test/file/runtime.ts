/** Makes a store and says what comes of it, in a runtime that does not know this project's paths. */
import { Effect, Result } from "effect"
import * as FileBackend from "../../src/FileBackend.ts"

const made = FileBackend.makeStore({ directory: process.argv[2] }).pipe(Effect.result, Effect.scoped)
const result = await Effect.runPromise(made)
console.log(JSON.stringify(Result.isSuccess(result) ? "opened" : result.failure.message))
