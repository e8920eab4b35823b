/** Finds no server at a port that none has, closes its layer, and says what has not let the process end a second later. */
import { Effect } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"

const locks = RedisBackend.layer({ host: "127.0.0.1", port: 1 })

const outcome = await Effect.runPromise(
  Lock.withLock(Effect.void, "key", { timeout: 0 }).pipe(
    Effect.provide(locks),
    Effect.catchReason("LockError", "BackendFailure", ({ kind }) => Effect.succeed(kind))
  )
)
process.stdout.write(`${outcome}\n`)
setTimeout(() => {
  const left = process.getActiveResourcesInfo().filter((resource) => resource !== "PipeWrap")
  if (left.length > 0) process.stdout.write(left.join())
}, 1_000).unref()
