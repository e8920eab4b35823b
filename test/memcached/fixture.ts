/** A program of its own: takes a lock, and leaves in the way its last argument says. */
import { Effect, ManagedRuntime } from "effect"
import { Lock } from "effect-lock"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"

const [url, way] = process.argv.slice(2)
const layer = MemcacheBackend.layer({ url })

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

switch (way) {
  case "close": {
    await Effect.runPromise(say("done").pipe(Lock.withLock("k"), Effect.provide(layer)))
    break
  }
  case "idle": {
    await ManagedRuntime.make(layer).runPromise(Lock.withLock(say("done"), "k"))
    break
  }
  case "crash": {
    const work = Effect.andThen(say("held"), Effect.never)
    await Effect.runPromise(work.pipe(Lock.withLock("k", { expires: "3 seconds" }), Effect.provide(layer)))
  }
}
