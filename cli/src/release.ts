/** `effect-lock release KEY` */
import * as Lock from "effect-lock/Lock"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Ending, exits } from "./exits.ts"
import * as Holding from "./holding.ts"
import { looking } from "./looking.ts"
import { result } from "./output.ts"
import { printable } from "./paint.ts"
import { quietly } from "./settings.ts"

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("The key of the lock")),
  yes: Flag.Boolean("yes").pipe(Flag.withDefault(false), Flag.withAlias("y"), Flag.withDescription("Do not ask"))
}

export const release = Command.make("release", flags, ({ key, yes }) =>
  Effect.gen(function*() {
    const look = yield* looking
    const holders = yield* look(Holding.ofKey(key), [])
    const name = printable(key)
    if (holders.length === 0) {
      yield* result(() => `${name} is free`, { key, released: false })
      return yield* new Ending({ status: exits.no })
    }
    if (!yes) {
      if (!process.stdin.isTTY) {
        return yield* new Ending({ status: exits.usage, message: "There is no terminal to ask in: give --yes" })
      }
      const now = yield* Clock.currentTimeMillis
      const who = holders.map(({ holder }) => Holding.describe(holder, now)).join("; ")
      const isSure = yield* Prompt.run(Prompt.Confirm({ message: `${name} is ${who}. Take it away?` }))
      if (!isSure) return yield* new Ending({ status: exits.no })
    }
    // Only the holder that was shown loses the lock, and not a later one.
    const released = yield* Effect.filter(
      holders,
      ({ holder: { token } }) => look(Lock.forceRelease(key, { token }), false)
    )
    const from = (some: ReadonlyArray<Holding.Holding>) => some.map(({ holder }) => Holding.nameOf(holder)).join(", ")
    yield* result(
      () =>
        released.length > 0
          ? `${name} was taken from ${from(released)}`
          : `${name} is no longer held by ${from(holders)}; nothing was done`,
      { key, released: released.length > 0 }
    )
    if (released.length === 0) return yield* new Ending({ status: exits.no })
  }).pipe(Effect.scoped, quietly)).pipe(
    Command.withDescription(
      "Frees a lock whoever holds it, for when the holder is gone or stuck: of a lock that is shared, all who do. The " +
        "holder is told that it has lost the lock, at its next renewal. Asks first. Ends with 1 when there was nothing " +
        "to free."
    ),
    Command.withShortDescription("Take a lock away from its holder"),
    Command.withExamples([{ command: "effect-lock release order-7 --yes", description: "Without a question" }])
  )
