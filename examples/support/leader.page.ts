/**
 * What every tab of the example "leader-tab" runs. One of them leads (it would sync,
 * poll, or hold the connection), the others wait until it is no more.
 */
import { Console, Effect } from "effect"
import { Lock } from "effect-lock"
import * as BrowserBackend from "effect-lock/BrowserBackend"

const lead = Effect.andThen(Console.log("leads"), Effect.never)

const program = lead.pipe(
  // Long, because browsers put off the timers of hidden tabs. A tab that is closed frees it at once
  Lock.withLock("leader", { expires: "3 minutes", timeout: "Infinity" }),
  // A tab that was frozen for longer finds another one leading, and waits again
  Effect.catchReason("LockError", "LockLost", () => Console.log("leads no more")),
  Effect.forever,
  Effect.provide(BrowserBackend.layer({ name: "example" }))
)

Effect.runFork(Effect.andThen(Console.log("is open"), program))
