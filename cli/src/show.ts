/** `effect-lock show KEY` */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Ending, exits } from "./exits.ts"
import * as Holding from "./holding.ts"
import { looking } from "./looking.ts"
import { result } from "./output.ts"
import { printable } from "./paint.ts"
import { json, quietly } from "./settings.ts"

const flags = {
  key: Argument.String("key").pipe(Argument.withDescription("The key of the lock")),
  token: Flag.Boolean("token").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Show the whole token. Whoever has it can act for the holder")
  )
}

export const show = Command.make("show", flags, ({ key, token }) =>
  Effect.gen(function*() {
    const look = yield* looking
    const holders = yield* look(Holding.ofKey(key), [])
    if (holders.length === 0) {
      yield* result(() => `${printable(key)} is free`, { key, held: false })
      return yield* new Ending({ status: exits.no })
    }
    const now = yield* Clock.currentTimeMillis
    const isJson = yield* json
    for (const one of holders) {
      const { holder } = one
      const object = { ...Holding.toJSON(one), held: true, ...(token && { token: holder.token }) }
      const sentence = `${printable(key)} is ${Holding.describe(holder, now)}${token ? `; token ${holder.token}` : ""}`
      yield* Console.log(isJson ? JSON.stringify(object) : sentence)
    }
  }).pipe(Effect.scoped, quietly)).pipe(
    Command.withDescription(
      "Says who holds a lock, since when, and for how long: of a lock that is shared all who do, a line each. Ends " +
        "with 1 when it is free."
    ),
    Command.withShortDescription("Who holds a lock"),
    Command.withExamples([
      { command: "effect-lock show order-7", description: "Who holds it" },
      { command: "effect-lock show order-7 --json", description: "For a script" }
    ])
  )
