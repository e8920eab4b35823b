/** `effect-lock run KEY -- COMMAND…` */
import { Lock } from "effect-lock"
import { Argument, Command, Flag } from "effect/cli"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Child from "./child.ts"
import * as Durations from "./durations.ts"
import { Ending, exits } from "./exits.ts"
import { Operands } from "./operands.ts"
import { note } from "./output.ts"
import { backend } from "./settings.ts"
import { type Signal, Signals } from "./signals.ts"

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("What is to be done by one at a time")),
  command: Argument.String("command").pipe(
    Argument.variadic(),
    Argument.withDescription("The command and its arguments, after --")
  ),
  once: Flag.Boolean("once").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Do not wait: end with 75 when the lock is taken")
  ),
  timeout: Flag.optional(Durations.flag("timeout", "How long to wait for the lock (60s)")),
  expires: Flag.optional(Durations.flag("expires", "How long a crash of this tool blocks others (10s)")),
  atLeast: Flag.optional(
    Durations.flag("at-least", "Keep the lock for at least this long, so that hosts whose clocks differ run it once")
  ),
  killAfter: Durations.flag("kill-after", "How long the command has to end after SIGTERM when the lock is lost (10s)")
    .pipe(Flag.withDefault(Duration.seconds(10)))
}

export const run = Command.make(
  "run",
  flags,
  ({ atLeast, command, expires, key, killAfter, once, timeout }) =>
    Effect.gen(function*() {
      const [name, ...args] = yield* commandOf(command)
      if (once && Option.isSome(timeout)) {
        return yield* usage("--once does not wait and --timeout says how long to: give one of them")
      }
      if (!Duration.isFinite(killAfter)) return yield* usage("--kill-after must end: give a duration such as 10s")
      const signals = yield* Signals

      const work = (lease: Lock.Lease) =>
        Effect.gen(function*() {
          const since = yield* Clock.currentTimeMillis
          const early: Array<Signal> = []
          let receive = (signal: Signal) => {
            early.push(signal)
          }
          yield* signals.to((signal) => receive(signal))
          const child = yield* Child.start(name, args, {
            env: { EFFECT_LOCK_KEY: key, EFFECT_LOCK_FENCING_TOKEN: String(lease.fencingToken) },
            grace: killAfter
          })
          receive = (signal) => child.pass(signal)
          early.forEach(receive)
          const status = yield* child.ended
          const left = child.left()
          if (left.length > 0) {
            yield* note(`the command has left ${left.join(", ")} running, which is waited for with the lock held`, {
              left
            })
            yield* child.allEnded
          }
          if (Option.isSome(atLeast)) {
            const rest = Duration.toMillis(atLeast.value) - ((yield* Clock.currentTimeMillis) - since)
            const told = Effect.callback<void>((resume) => {
              receive = () => resume(Effect.void)
            })
            if (rest > 0 && !child.isToldToEnd) yield* Effect.race(Effect.sleep(rest), told)
          }
          return status
        }).pipe(Effect.scoped)

      const status = yield* Lock.withLock(work, key, {
        timeout: once ? 0 : Option.getOrUndefined(timeout),
        expires: Option.getOrUndefined(expires)
      })
      if (status !== 0) return yield* new Ending({ status })
    }).pipe(Effect.provide(backend))
).pipe(
  Command.withDescription(
    "Runs a command while holding a lock, as flock(1) does, but across hosts. Ends with the command's exit status " +
      "(128 + n for a signal); 75 when the lock is taken, 76 when it was lost and the command was stopped, 69 when " +
      "the backend cannot be reached, 126 and 127 when the command cannot be run or found."
  ),
  Command.withShortDescription("Run a command while holding a lock"),
  Command.withExamples([
    { command: "effect-lock run nightly-report --once -- ./report.sh", description: "On one of many hosts" },
    { command: "effect-lock run deploy --timeout 10m -- sh -c 'migrate && restart'", description: "One after another" }
  ])
)

const usage = (message: string) => Effect.fail(new Ending({ status: exits.usage, message }))

/** Only what comes after `--` is the command's, or its `--help` would be ours. */
const commandOf = (command: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const operands = yield* Operands
    if (operands !== undefined && operands.length > 0 && operands.length === command.length) return operands
    return yield* usage("the command comes after --, such as: effect-lock run KEY -- COMMAND…")
  })
