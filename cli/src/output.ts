/** Results go to stdout, all else to stderr. */
import * as CliOutput from "effect/cli/CliOutput"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { json } from "./settings.ts"

/** A result: for people, or for programs. */
export const result = (text: () => string, value: unknown) =>
  Effect.flatMap(json, (isJson) => Console.log(isJson ? JSON.stringify(value) : text()))

/** A message for the user. */
export const note = (message: string, details?: Record<string, unknown>) =>
  Effect.flatMap(
    json,
    (isJson) => Console.error(isJson ? JSON.stringify({ message, ...details }) : `effect-lock: ${message}`)
  )

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
