/** What is written where: results to stdout, all else to stderr. */
import type { LockError } from "effect-lock"
import { CliOutput } from "effect/cli"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { json } from "./settings.ts"

/** A result: for people, or for programs. */
export const result = (text: () => string, value: unknown) =>
  Effect.flatMap(json, (isJson) => Console.log(isJson ? JSON.stringify(value) : text()))

/** What a user of the tool is told besides. */
export const note = (message: string, details?: Record<string, unknown>) =>
  Effect.flatMap(
    json,
    (isJson) => Console.error(isJson ? JSON.stringify({ message, ...details }) : `effect-lock: ${message}`)
  )

const seconds = (duration: Duration.Duration): string =>
  Duration.format(Duration.millis(Math.round(Duration.toMillis(duration) / 100) * 100))

/** Who holds a lock, in words. */
export const describe = ({ owner, remaining, since, token, waiters }: LockError.Holder, now: number): string => {
  const parts = [`held by ${owner ?? `${token.slice(0, 8)}…`}`]
  if (since !== undefined) {
    parts.push(
      `since ${DateTime.formatIso(since)} (${
        seconds(Duration.millis(Math.max(0, now - DateTime.toEpochMillis(since))))
      })`
    )
  }
  if (remaining !== undefined) parts.push(`its lease ends in ${seconds(remaining)} if it is not renewed`)
  if (waiters !== undefined && waiters > 0) parts.push(`${waiters} wait${waiters === 1 ? "s" : ""} for it`)
  return parts.join(", ")
}

/** Mistakes on the command line go to stderr, without the whole help. */
export const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag !== "InvalidInvocation"
      ? CliOutput.defaultPresenter.present(event)
      : Effect.gen(function*() {
        for (const { message } of event.errors) yield* Console.error(`effect-lock: ${message}`)
        yield* Console.error(`See ${event.commandPath.join(" ")} --help`)
      })
})
