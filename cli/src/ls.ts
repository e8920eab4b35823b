/** `effect-lock ls` */
import { Lock } from "effect-lock"
import { Command, Flag } from "effect/cli"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, result } from "./output.ts"
import { backend, quietly } from "./settings.ts"

export const prefix = Flag.String("prefix").pipe(
  Flag.withDefault(""),
  Flag.withDescription("Only keys that start so")
)

export const ls = Command.make(
  "ls",
  { prefix },
  ({ prefix }) =>
    Stream.runForEach(
      Lock.list({ prefix }),
      ({ holder, key }) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          result(() => `${key} is ${describe(holder, now)}`, { key, ...holder.toJSON() }))
    ).pipe(
      Effect.provide(backend),
      quietly
    )
).pipe(
  Command.withDescription(
    "Lists the locks that are held, a line each, as far as the backend knows them (69 where it does not)."
  ),
  Command.withShortDescription("Which locks are held"),
  Command.withExamples([{ command: "effect-lock ls --prefix order- --json", description: "For a script" }])
)
