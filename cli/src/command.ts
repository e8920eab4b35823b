/** The tool as a whole: its commands, and how it ends. */
import { NodeServices } from "@effect/platform-node"
import { LockError } from "effect-lock"
import * as Cause from "effect/Cause"
import { CliError, Command } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { doctor } from "./doctor.ts"
import { Ending, exits, ofLockError } from "./exits.ts"
import { ls } from "./ls.ts"
import * as Operands from "./operands.ts"
import { presenter } from "./output.ts"
import { release } from "./release.ts"
import { run } from "./run.ts"
import * as Settings from "./settings.ts"
import { show } from "./show.ts"
import type { Signals } from "./signals.ts"
import { version } from "./version.ts"
import { watch } from "./watch.ts"

/** One line each, to stderr. */
const logger = Logger.make<unknown, void>(({ message }) => {
  process.stderr.write(`effect-lock: ${String(Array.isArray(message) ? message[0] : message)}\n`)
})

const tool = Command.make("effect-lock").pipe(
  Command.withSubcommands([run, ls, show, watch, release, doctor]),
  Command.withGlobalFlags(Settings.all),
  Command.withDescription(
    "Locks across processes and hosts. Where they are is said by LOCK_URL or --url: redis://…, memcache://…; " +
      "LOCK_EXPIRES, LOCK_TIMEOUT, LOCK_KEY_PREFIX and LOCK_OWNER are heeded."
  )
)

/** The status to end with. */
export const main = (args: ReadonlyArray<string>): Effect.Effect<number, never, Signals> =>
  Command.runWith(tool, { version })(args).pipe(
    Effect.as(0),
    Effect.catchCause((cause) => ending(args, cause)),
    Effect.provideService(Operands.Operands, Operands.after(args)),
    Effect.provide([NodeServices.layer, presenter, Logger.layer([logger])])
  )

const ending = (args: ReadonlyArray<string>, cause: Cause.Cause<unknown>): Effect.Effect<number> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
  const error = Cause.squash(cause)
  // What was wrong has been said.
  if (CliError.isCliError(error)) {
    return Effect.succeed(error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : exits.usage)
  }
  const { details, message, status } = error instanceof Ending
    ? error
    : LockError.isLockError(error)
    ? ofLockError(error)
    : new Ending({ status: exits.software, message: error instanceof Error ? error.message : String(error) })
  if (message === undefined || message === "") return Effect.succeed(status)
  const isJson = args.slice(0, args.includes("--") ? args.indexOf("--") : args.length).includes("--json")
  return Effect.as(
    Console.error(isJson ? JSON.stringify({ message, status, ...details }) : `effect-lock: ${message}`),
    status
  )
}
