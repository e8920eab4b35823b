/** `effect-lock watch [KEY]` */
import { Lock, type LockError } from "effect-lock"
import { Argument, Command, Flag } from "effect/cli"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Durations from "./durations.ts"
import { prefix } from "./ls.ts"
import { describe } from "./output.ts"
import { backend, json, quietly } from "./settings.ts"

type Seen = ReadonlyMap<string, LockError.Holder>

const look = (key: Option.Option<string>, prefix: string) =>
  Option.match(key, {
    onSome: (key) =>
      Effect.map(Lock.inspect(key), (holder): Seen => new Map(Option.toArray(holder).map((holder) => [key, holder]))),
    onNone: () =>
      Effect.map(
        Stream.runCollect(Lock.list({ prefix })),
        (locks): Seen => new Map(Array.from(locks, ({ holder, key }) => [key, holder]))
      )
  })

const nameOf = ({ owner, token }: LockError.Holder): string => owner ?? `${token.slice(0, 8)}…`

/** What has changed since the last look. */
const changes = (before: Seen, after: Seen) => {
  const lines: Array<{ readonly key: string; readonly change: "taken" | "free"; readonly owner: string }> = []
  for (const [key, holder] of before) {
    if (!after.has(key)) lines.push({ key, change: "free", owner: nameOf(holder) })
  }
  for (const [key, holder] of after) {
    if (before.get(key)?.token !== holder.token) lines.push({ key, change: "taken", owner: nameOf(holder) })
  }
  return lines
}

/** From the top of the screen, each line to its end, and nothing below. */
const redraw = (lines: ReadonlyArray<string>): string =>
  `\u001b[H${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`

const flags = {
  key: Argument.String("key").pipe(Argument.optional, Argument.withDescription("One lock. Default: all")),
  prefix,
  every: Durations.flag("every", "How often to look (1s)").pipe(Flag.withDefault(Duration.seconds(1)))
}

export const watch = Command.make("watch", flags, ({ every, key, prefix }) =>
  Effect.gen(function*() {
    const isJson = yield* json
    const redraws = process.stdout.isTTY === true && !isJson
    let before: Seen = new Map()
    if (redraws) process.stdout.write("\u001b[2J")
    while (true) {
      const after = yield* look(key, prefix)
      const now = yield* Clock.currentTimeMillis
      const at = DateTime.formatIso(DateTime.makeUnsafe(now))
      if (redraws) {
        const held = Array.from(after, ([key, holder]) => `${key} is ${describe(holder, now)}`)
        const nothing = Option.match(key, { onNone: () => "nothing is held", onSome: (key) => `${key} is free` })
        process.stdout.write(redraw([at, "", ...held.length === 0 ? [nothing] : held.toSorted()]))
      } else {
        for (const { change, key, owner } of changes(before, after)) {
          yield* Console.log(
            isJson
              ? JSON.stringify({ at, key, change, owner })
              : `${at} ${key} ${change === "taken" ? "taken by" : "given back by"} ${owner}`
          )
        }
      }
      before = after
      yield* Effect.sleep(every)
    }
  }).pipe(Effect.provide(backend), quietly)).pipe(
    Command.withDescription(
      "Shows who holds a lock, or all locks, until it is interrupted: in a terminal as a picture that is drawn anew, " +
        "into a pipe a line for every change that is seen."
    ),
    Command.withShortDescription("Follow who holds locks"),
    Command.withExamples([{ command: "effect-lock watch deploy --every 200ms", description: "One lock" }])
  )
