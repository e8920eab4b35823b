/** `effect-lock ls` */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Holding from "./holding.ts"
import { looking } from "./looking.ts"
import { note } from "./output.ts"
import { painter } from "./paint.ts"
import { json, quietly } from "./settings.ts"

export const prefix = Flag.String("prefix").pipe(
  Flag.withDefault(""),
  Flag.withDescription("Only keys that start so")
)

export const ls = Command.make("ls", { prefix }, ({ prefix }) =>
  Effect.gen(function*() {
    const look = yield* looking
    const held = yield* look(Holding.all(prefix), [])
    if (yield* json) {
      for (const one of held) yield* Console.log(JSON.stringify(Holding.toJSON(one)))
    } else if (held.length === 0) yield* note("nothing is held")
    else {
      const [header, ...lines] = Holding.lines(held, yield* Clock.currentTimeMillis)
      yield* Console.log([painter(process.stdout)("bold", header), ...lines].join("\n"))
    }
  }).pipe(Effect.scoped, quietly)).pipe(
    Command.withDescription(
      "Lists the locks that are held: a line each, or with --json an object each. Ends with 69 where the backend does " +
        "not know its keys, as memcached."
    ),
    Command.withShortDescription("Which locks are held"),
    Command.withExamples([
      { command: "effect-lock ls --prefix order-", description: "Some of them" },
      {
        command: "effect-lock ls --json | jq -r 'select(.waiters > 0).key'",
        description: "Those that somebody waits for"
      }
    ])
  )
