/** The tool as a whole: its commands, and how it ends. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as LockError from "effect-lock/LockError"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { doctor } from "./doctor.ts"
import { Ending, exits, ofLockError } from "./exits.ts"
import { lead } from "./lead.ts"
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

/** Logs one line each to stderr, with the cause, if there is one, at its end. */
const logger = (isJson: boolean) =>
  Logger.make<unknown, void>((line) => {
    const parts = Array.isArray(line.message) ? line.message : [line.message]
    const message = parts.map((part) => part instanceof Error ? part.message : String(part)).join(": ")
    process.stderr.write(isJson ? `${JSON.stringify({ message })}\n` : `effect-lock: ${message}\n`)
  })

/** The options of the tool itself. */
const asksForJson = (args: ReadonlyArray<string>): boolean =>
  args.slice(0, args.includes("--") ? args.indexOf("--") : args.length).includes("--json")

const tool = Command.make("effect-lock").pipe(
  Command.withSubcommands([run, lead, ls, show, watch, release, doctor]),
  Command.withGlobalFlags(Settings.all),
  Command.withDescription(
    "Locks across processes and hosts. Where they are is said by LOCK_URL or --url: redis://…, postgres://…, " +
      "memcache://…, file:///…; LOCK_EXPIRES, LOCK_TIMEOUT, LOCK_KEY_PREFIX and LOCK_OWNER are heeded. Ends with 64 " +
      "when what was given makes no sense, 69 when the backend cannot be reached, 75 when a lock is taken, 76 when it " +
      "was lost, 1 when the answer is no."
  ),
  Command.withExamples([
    { command: "export LOCK_URL=redis://localhost", description: "Where the locks are" },
    { command: "effect-lock run nightly-report --once -- ./report.sh", description: "On one of many hosts" },
    { command: "effect-lock ls", description: "Which locks are held" },
    { command: "effect-lock doctor", description: "Is this server fit for locks?" }
  ])
)

/** The exit status. */
export const main = (args: ReadonlyArray<string>): Effect.Effect<number, never, Signals> =>
  Command.runWith(tool, { version })(args).pipe(
    Effect.as(0),
    Effect.catchCause((cause) => ending(args, cause)),
    Effect.provideService(Operands.Operands, Operands.after(args)),
    Effect.provide([NodeServices.layer, presenter, Logger.layer([logger(asksForJson(args))])])
  )

const ending = (args: ReadonlyArray<string>, cause: Cause.Cause<unknown>): Effect.Effect<number> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
  const error = Cause.squash(cause)
  // The error has already been reported.
  if (CliError.isCliError(error)) {
    return Effect.succeed(error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : exits.usage)
  }
  const { details, message, status } = error instanceof Ending
    ? error
    : LockError.isLockError(error)
    ? ofLockError(error)
    : new Ending({ status: exits.software, message: error instanceof Error ? error.message : String(error) })
  if (message === undefined || message === "") return Effect.succeed(status)
  return Effect.as(
    Console.error(asksForJson(args) ? JSON.stringify({ message, status, ...details }) : `effect-lock: ${message}`),
    status
  )
}
