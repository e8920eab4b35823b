/** The receiver of the tool's signals: one at a time, from the start. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { constants } from "node:os"

const kinds = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const

export type Signal = typeof kinds[number]

type Receiver = (signal: Signal) => void

export class Signals extends Context.Service<Signals, {
  /** Signals go to the receiver until the scope closes. */
  readonly to: (receiver: Receiver) => Effect.Effect<void, never, Scope.Scope>
}>()("effect-lock-cli/Signals") {}

/** The exit status of a process that a signal has ended, as in a shell. */
export const statusOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** Handles all of them, for as long as the process lives. */
export const make = (usual: Receiver): Signals["Service"] => {
  const receivers = [usual]
  for (const kind of kinds) process.on(kind, () => receivers[receivers.length - 1](kind))
  return {
    to: (receiver) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          receivers.push(receiver)
        }),
        () =>
          Effect.sync(() => {
            receivers.splice(receivers.lastIndexOf(receiver), 1)
          })
      )
  }
}
