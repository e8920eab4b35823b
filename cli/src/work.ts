/** A command as the work under a lease. */
import type * as Lock from "effect-lock/Lock"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Child from "./child.ts"
import * as Durations from "./durations.ts"
import { usage } from "./exits.ts"
import { Operands } from "./operands.ts"
import { note } from "./output.ts"
import { type Signal, Signals } from "./signals.ts"

export const command = Argument.String("command").pipe(
  Argument.variadic(),
  Argument.withDescription("The command and its arguments, after --")
)

export const killAfter = Durations.flag(
  "kill-after",
  "How long the command has to end after SIGTERM when the lock is lost (10s)"
).pipe(Flag.withDefault(Duration.seconds(10)))

/** Only arguments after `--` belong to the command; otherwise its `--help` would be ours. */
export const commandOf = (name: string, command: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const operands = yield* Operands
    if (operands !== undefined && operands.length > 0 && operands.length === command.length) return operands
    return yield* usage(`the command comes after --, such as: effect-lock ${name} KEY -- COMMAND…`)
  })

interface Options {
  readonly key: string
  readonly command: ReadonlyArray<string>
  readonly killAfter: Duration.Duration
}

/** How a command has ended. */
interface Ended {
  readonly status: number
  /** Whether somebody wanted it to end. */
  readonly isToldToEnd: boolean
}

/** Runs the command until it and the processes that it left running have ended. */
export const under = (lease: Lock.Lease, { command: [name, ...args], key, killAfter }: Options) =>
  Effect.gen(function*() {
    if (!Duration.isFinite(killAfter)) return yield* usage("--kill-after must end: give a duration such as 10s")
    const signals = yield* Signals
    const early: Array<Signal> = []
    let receive = (signal: Signal) => {
      early.push(signal)
    }
    yield* signals.to((signal) => receive(signal))
    // A waiter may start with a short lease, and a command takes its time to start.
    yield* lease.extend()
    const child = yield* Child.start(name, args, {
      env: { EFFECT_LOCK_KEY: key, EFFECT_LOCK_FENCING_TOKEN: String(lease.fencingToken) },
      grace: killAfter
    })
    receive = (signal) => child.pass(signal)
    early.forEach(receive)
    const status = yield* child.ended
    const left = child.left()
    if (left.length > 0) {
      yield* note(`the command has left ${left.join(", ")} running, which is waited for with the lock held`, { left })
      yield* child.allEnded
    }
    const ended: Ended = { status, isToldToEnd: child.isToldToEnd }
    return ended
  }).pipe(Effect.scoped)
