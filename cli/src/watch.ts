/** `effect-lock watch [KEY]` */
import * as LockError from "effect-lock/LockError"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Durations from "./durations.ts"
import { usage } from "./exits.ts"
import * as Holding from "./holding.ts"
import { looking } from "./looking.ts"
import { prefix } from "./ls.ts"
import { note } from "./output.ts"
import { painter, printable } from "./paint.ts"
import { json, quietly } from "./settings.ts"

interface Change {
  readonly key: string
  readonly change: "held" | "taken" | "free"
  /** The holder, or the last holder, of the lock, if there is one. */
  readonly owner?: string
}

/** The changes since the last look. At the first look, all held locks count as unchanged. */
const changes = (
  before: ReadonlyArray<Holding.Holding> | undefined,
  after: ReadonlyArray<Holding.Holding>
): ReadonlyArray<Change> => {
  const change = (change: Change["change"]) => ({ holder, key }: Holding.Holding): Change => ({
    key,
    change,
    owner: Holding.nameOf(holder)
  })
  if (before === undefined) return after.map(change("held"))
  const [earlier, later] = [new Set(before.map(Holding.idOf)), new Set(after.map(Holding.idOf))]
  return [
    ...before.filter((one) => !later.has(Holding.idOf(one))).map(change("free")),
    ...after.filter((one) => !earlier.has(Holding.idOf(one))).map(change("taken"))
  ]
}

const words = { held: "held by", taken: "taken by", free: "given back by" }

const sentence = ({ change, key, owner }: Change): string =>
  owner === undefined ? `${printable(key)} is free` : `${printable(key)} ${words[change]} ${owner}`

/** How many of the last changes are shown below the table. */
const remembered = 5

/** Draws from the top of the screen, and clears the rest of each line and all below. */
const redraw = (lines: ReadonlyArray<string>): string =>
  `\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\n")}\u001b[J`

/** The part of a line that fits. Colours take no room. */
const fitted = (lines: ReadonlyArray<string>, rows: number): ReadonlyArray<string> =>
  lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… and ${lines.length - rows + 1} more`]

const picture = (held: ReadonlyArray<Holding.Holding>, now: number, nothing: string): ReadonlyArray<string> => {
  if (held.length === 0) return [nothing]
  // Some terminals report a size of zero.
  const columns = process.stdout.columns || 80
  const rows = process.stdout.rows || 24
  const [header, ...lines] = Holding.lines(held, now).map((line) => line.slice(0, columns))
  return [painter(process.stdout)("bold", header), ...fitted(lines, Math.max(3, rows - remembered - 6))]
}

const flags = {
  key: Argument.String("key").pipe(Argument.optional, Argument.withDescription("One lock. Default: all")),
  prefix,
  every: Durations.flag("every", "How often to look (1s)").pipe(Flag.withDefault(Duration.seconds(1)))
}

export const watch = Command.make("watch", flags, ({ every, key, prefix }) =>
  Effect.gen(function*() {
    if (!Duration.between(every, { minimum: Duration.millis(10), maximum: Duration.days(1) })) {
      return yield* usage("--every is from 10ms to 1d")
    }
    if (Option.isSome(key) && prefix !== "") {
      return yield* usage("a key is one lock and --prefix says which of all: give one of them")
    }
    const isJson = yield* json
    const redraws = process.stdout.isTTY === true && !isJson
    const paint = painter(process.stdout)
    const what = Option.match(key, { onNone: () => prefix === "" ? "all locks" : `${prefix}…`, onSome: printable })
    const nothing = Option.match(key, { onNone: () => "nothing is held", onSome: (key) => `${printable(key)} is free` })
    const ask = Option.match(key, { onNone: () => Holding.all(prefix), onSome: Holding.ofKey })
    const look = (yield* looking)(ask, [])

    let seen: ReadonlyArray<Holding.Holding> | undefined
    let recent: ReadonlyArray<string> = []
    let trouble: string | undefined
    if (redraws) process.stdout.write("\u001b[2J")
    while (true) {
      const looked: ReadonlyArray<Holding.Holding> | LockError.LockError = yield* seen === undefined
        ? look
        // An outage does not end the watch: its own end shows as well.
        : Effect.catchIf(look, isOutage, (error) => Effect.succeed(error))
      const now = yield* Clock.currentTimeMillis
      const at = DateTime.formatIso(DateTime.makeUnsafe(now))
      const before = trouble
      trouble = LockError.isLockError(looked) ? looked.message : undefined
      const held = LockError.isLockError(looked) ? seen ?? [] : looked
      const isFreeAtFirst = seen === undefined && held.length === 0 && Option.isSome(key)
      const news = isFreeAtFirst ? [{ key: key.value, change: "free" } as const] : changes(seen, held)
      seen = held
      if (redraws) {
        recent = [...recent, ...news.map((one) => `${at.slice(11, 19)} ${sentence(one)}`)].slice(-remembered)
        process.stdout.write(redraw([
          `${paint("bold", what)} at ${at}, every ${Duration.format(every)}; Ctrl-C ends`,
          trouble === undefined ? "" : paint("red", `not any more: ${trouble}`),
          ...picture(held, now, nothing),
          "",
          ...recent.map((line) => paint("dim", line))
        ]))
      } else {
        if (trouble !== undefined && before === undefined) yield* note(trouble)
        if (trouble === undefined && before !== undefined) yield* note("the backend answers again")
        for (const one of news) yield* Console.log(isJson ? JSON.stringify({ at, ...one }) : `${at} ${sentence(one)}`)
      }
      yield* Effect.sleep(every)
    }
  }).pipe(Effect.scoped, quietly)).pipe(
    Command.withDescription(
      "Shows who holds a lock, or all locks, until it is interrupted: in a terminal as a picture that is drawn anew, " +
        "into a pipe a line for every change that is seen, with --json an object. What comes and goes between two looks " +
        "is not seen. It goes on while the backend cannot be reached."
    ),
    Command.withShortDescription("Follow who holds locks"),
    Command.withExamples([
      { command: "effect-lock watch", description: "All that are held" },
      { command: "effect-lock watch deploy --every 200ms", description: "One lock" }
    ])
  )

const isOutage = (error: unknown): error is LockError.LockError =>
  LockError.isLockError(error) && error.reason._tag === "BackendFailure" && error.reason.retryable
