/** `effect-lock release KEY` */
import { Lock } from "effect-lock"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Ending, exits } from "./exits.ts"
import { describe, result } from "./output.ts"
import { backend, quietly } from "./settings.ts"

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("The key of the lock")),
  yes: Flag.Boolean("yes").pipe(Flag.withDefault(false), Flag.withAlias("y"), Flag.withDescription("Do not ask"))
}

export const release = Command.make("release", flags, ({ key, yes }) =>
  Effect.gen(function*() {
    const seen = yield* Lock.inspect(key)
    if (Option.isNone(seen)) {
      yield* result(() => `${key} is free`, { key, released: false })
      return yield* new Ending({ status: exits.no })
    }
    const holder = seen.value
    if (!yes) {
      if (!process.stdin.isTTY) {
        return yield* new Ending({ status: exits.usage, message: "There is no terminal to ask in: give --yes" })
      }
      const who = describe(holder, yield* Clock.currentTimeMillis)
      const isSure = yield* Prompt.run(Prompt.Confirm({ message: `${key} is ${who}. Take it away?` }))
      if (!isSure) return yield* new Ending({ status: exits.no })
    }
    // Who was shown is who loses it, and nobody who came since.
    const released = yield* Lock.forceRelease(key, { token: holder.token })
    const who = holder.owner ?? "its holder"
    yield* result(
      () => released ? `${key} was taken from ${who}` : `${key} is no longer held by ${who}; nothing was done`,
      { key, released }
    )
    if (!released) return yield* new Ending({ status: exits.no })
  }).pipe(Effect.provide(backend), quietly)).pipe(
    Command.withDescription(
      "Frees a lock whoever holds it, for when the holder is gone or stuck. The holder is told that it has lost the " +
        "lock, at its next renewal. Ends with 1 when there was nothing to free."
    ),
    Command.withShortDescription("Take a lock away from its holder"),
    Command.withExamples([{ command: "effect-lock release order-7 --yes", description: "Without a question" }])
  )
