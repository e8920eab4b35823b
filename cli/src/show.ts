/** `effect-lock show KEY` */
import { Lock } from "effect-lock"
import { Argument, Command, Flag } from "effect/cli"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Ending, exits } from "./exits.ts"
import { describe, result } from "./output.ts"
import { backend, quietly } from "./settings.ts"

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("The key of the lock")),
  token: Flag.Boolean("token").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Show the whole token. Whoever has it can act for the holder")
  )
}

export const show = Command.make("show", flags, ({ key, token }) =>
  Effect.gen(function*() {
    const seen = yield* Lock.inspect(key)
    const now = yield* Clock.currentTimeMillis
    if (Option.isNone(seen)) {
      yield* result(() => `${key} is free`, { key, held: false })
      return yield* new Ending({ status: exits.no })
    }
    const holder = seen.value
    yield* result(
      () => `${key} is ${describe(holder, now)}${token ? `; token ${holder.token}` : ""}`,
      { key, held: true, ...holder.toJSON(), ...(token && { token: holder.token }) }
    )
  }).pipe(Effect.provide(backend), quietly)).pipe(
    Command.withDescription("Says who holds a lock, since when, and for how long. Ends with 1 when it is free."),
    Command.withShortDescription("Who holds a lock"),
    Command.withExamples([{ command: "effect-lock show order-7 --json", description: "For a script" }])
  )
