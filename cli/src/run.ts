/** `effect-lock run KEY -- COMMAND…` */
import * as Lock from "effect-lock/Lock"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Durations from "./durations.ts"
import { Ending, usage } from "./exits.ts"
import { backend } from "./settings.ts"
import * as Work from "./work.ts"

const wholeNumber = (text: string): Option.Option<number> => {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0
  return number > 0 ? Option.some(number) : Option.none()
}

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("What is to be done by one at a time")),
  command: Work.command,
  once: Flag.Boolean("once").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Do not wait: end with 75 when the lock is taken")
  ),
  shared: Flag.Boolean("shared").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Share the lock with all others that share it: a reader, who excludes writers alone")
  ),
  limit: Flag.String("limit").pipe(
    Flag.filterMap(wholeNumber, () => "a whole number from 1, such as 3"),
    Flag.withMetavar("N"),
    Flag.optional,
    Flag.withDescription("Share the lock with so many, this one included: a semaphore")
  ),
  timeout: Flag.optional(Durations.flag("timeout", "How long to wait for the lock (60s)")),
  expires: Flag.optional(Durations.flag("expires", "How long a crash of this tool blocks others (10s)")),
  atLeast: Flag.optional(
    Durations.flag(
      "at-least",
      "How long the lock stays taken though the command is done, however it ended: for hosts whose clocks differ. The " +
        "tool ends with the command all the same, and what is left is in the backend"
    )
  ),
  killAfter: Work.killAfter
}

export const run = Command.make(
  "run",
  flags,
  ({ atLeast, command, expires, key, killAfter, limit, once, shared, timeout }) =>
    Effect.gen(function*() {
      const options = { key, command: yield* Work.commandOf("run", command), killAfter }
      if (once && Option.isSome(timeout)) {
        return yield* usage("--once does not wait and --timeout says how long to: give one of them")
      }
      if (shared && Option.isSome(limit)) {
        return yield* usage("--shared is without a limit and --limit with one: give one of them")
      }

      const work = (lease: Lock.Lease) => Work.under(lease, options)
      const lock = {
        timeout: once ? 0 : Option.getOrUndefined(timeout),
        expires: Option.getOrUndefined(expires),
        atLeast: Option.getOrUndefined(atLeast)
      }
      const { status } = yield* Option.isSome(limit)
        ? Lock.withPermits(work, key, { ...lock, limit: limit.value })
        : shared
        ? Lock.withSharedLock(work, key, lock)
        : Lock.withLock(work, key, lock)
      if (status !== 0) {
        return yield* new Ending({ status })
      }
    }).pipe(Effect.provide(backend))
).pipe(
  Command.withDescription(
    "Runs a command while holding a lock, as flock(1) does, but across hosts. Ends with the command's exit status " +
      "(128 + n for a signal); 75 when the lock is taken, 76 when it was lost and the command was stopped, 69 when " +
      "the backend cannot be reached, 126 and 127 when the command cannot be run or found. The command finds " +
      "EFFECT_LOCK_KEY and EFFECT_LOCK_FENCING_TOKEN in its environment."
  ),
  Command.withShortDescription("Run a command while holding a lock"),
  Command.withExamples([
    { command: "effect-lock run nightly-report --once -- ./report.sh", description: "On one of many hosts" },
    { command: "effect-lock run deploy --timeout 10m -- sh -c 'migrate && restart'", description: "One after another" },
    {
      command: "effect-lock run encoder --limit 3 -- ./encode.sh",
      description: "Three at a time, on all hosts together"
    }
  ])
)
