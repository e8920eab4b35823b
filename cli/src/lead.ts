/** `effect-lock lead KEY -- COMMAND…` */
import * as Leader from "effect-lock/Leader"
import type * as Lock from "effect-lock/Lock"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Durations from "./durations.ts"
import { Ending } from "./exits.ts"
import { note } from "./output.ts"
import { backend } from "./settings.ts"
import * as Work from "./work.ts"

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("What the leader leads")),
  command: Work.command,
  expires: Flag.optional(
    Durations.flag("expires", "How long nobody leads after the leader has crashed, at most (10s)")
  ),
  restart: Flag.optional(
    Durations.flag("restart", "When the command fails, run it again after this long, on whichever host leads then")
  ),
  killAfter: Work.killAfter
}

export const lead = Command.make(
  "lead",
  flags,
  ({ command, expires, key, killAfter, restart }) =>
    Effect.gen(function*() {
      const options = { key, command: yield* Work.commandOf("lead", command), killAfter }

      const term = (lease: Lock.Lease) =>
        Effect.andThen(
          note(`leads ${key}`, { key, leads: true, fencingToken: lease.fencingToken }),
          Effect.onInterrupt(
            Work.under(lease, options),
            () => note(`leads ${key} no longer, so the command is stopped`, { key, leads: false })
          )
        )

      let ended = yield* Leader.lead(term, key, { expires: Option.getOrUndefined(expires) })
      while (Option.isSome(restart) && ended.status !== 0 && !ended.isToldToEnd) {
        const { status } = ended
        yield* note(`the command has ended with ${status}, and is run again by whoever leads then`, { key, status })
        yield* Effect.sleep(restart.value)
        ended = yield* Leader.lead(term, key, { expires: Option.getOrUndefined(expires) })
      }
      const { status } = ended
      if (status !== 0) return yield* new Ending({ status })
    }).pipe(Effect.provide(backend))
).pipe(
  Command.withDescription(
    "Runs a command on one host at a time, for as long as it lives there: waits to lead, runs it, stops it when " +
      "leadership is lost, and waits again. Another host leads within --expires of a crash. The end of the command is " +
      "the end of the tool, with its exit status, unless --restart says to go on."
  ),
  Command.withShortDescription("Run a command wherever this host leads"),
  Command.withExamples([
    { command: "effect-lock lead scheduler -- ./scheduler.sh", description: "On one of many hosts, and on the next" },
    { command: "effect-lock lead consumer --restart 5s -- node consumer.js", description: "Again when it fails" }
  ])
)
