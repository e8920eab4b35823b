/**
 * `tsx scripts/sharing.ts` draws into `docs/sharing.md` who is let in when: a line for each program,
 * from real runs under a test clock.
 */
import { Clock, Effect, Layer } from "effect"
import { InMemoryBackend, Lock, type LockBackend, type LockError } from "effect-lock"
import { TestClock } from "effect/testing"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

type Section = <A, E, R>(
  work: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | LockError.LockError, R | LockBackend.LockBackend>

interface Program {
  readonly name: string
  /** When it asks, and how long its work takes, in milliseconds. */
  readonly at: number
  readonly takes: number
  readonly section: Section
  /** When it gives up. */
  readonly until?: number
}

const reads = (name: string, at: number, takes: number): Program => ({
  name: `${name} reads`,
  at,
  takes,
  section: Lock.withSharedLock("key")
})

const writes = (name: string, at: number, takes: number, until?: number): Program => ({
  name: `${name} writes`,
  at,
  takes,
  section: Lock.withLock("key"),
  ...(until !== undefined && { until })
})

const takes = (name: string, at: number, takes: number, permits: number): Program => ({
  name: `${name} ${permits} of 4`,
  at,
  takes,
  section: Lock.withPermits("key", { limit: 4, permits })
})

const scenes: Readonly<Record<string, ReadonlyArray<Program>>> = {
  writer: [
    reads("ada", 0, 80),
    reads("bob", 20, 80),
    writes("cem", 40, 60),
    reads("dan", 50, 40),
    reads("eve", 60, 60)
  ],
  gone: [reads("ada", 0, 160), writes("bob", 20, 40, 90), reads("cem", 40, 80), reads("dan", 60, 80)],
  permits: [
    takes("ada", 0, 70, 2),
    takes("bob", 10, 110, 1),
    takes("cem", 20, 40, 3),
    takes("dan", 30, 50, 1),
    takes("eve", 40, 50, 2)
  ]
}

const column = 10

/** `·` for each ten milliseconds of waiting, `█` of holding the key, `x` where it gives up. */
const draw = (programs: ReadonlyArray<Program>): Effect.Effect<string> =>
  Effect.gen(function*() {
    const lines = programs.map(() => [] as Array<string>)
    const now = Clock.currentTimeMillis
    const start = yield* now
    const mark = (i: number, sign: string, from: number, to: number) => {
      for (let at = from; at < to; at += column) lines[i][at / column] = sign
    }
    yield* Effect.forEach(programs, ({ at, section, takes, until }, i) =>
      Effect.gen(function*() {
        const entered = Effect.map(now, (entered) => mark(i, "·", at, entered - start))
        const left = Effect.map(now, (left) => mark(i, "█", left - start - takes, left - start))
        const work = Effect.andThen(Effect.andThen(entered, Effect.sleep(takes)), left)
        const call = section(work)
        yield* Effect.delay(until === undefined ? call : Effect.timeoutOption(call, until - at), at)
        if (until !== undefined) {
          mark(i, "·", at, until)
          lines[i][until / column] = "x"
        }
      }).pipe(Effect.orDie, Effect.forkChild({ startImmediately: true })))
    yield* Effect.repeat(TestClock.adjust(1), { times: 600 })
    const width = Math.max(...programs.map(({ name }) => name.length))
    return programs
      .map(({ name }, i) => `${name.padEnd(width)}  ${Array.from(lines[i], (sign = " ") => sign).join("")}`)
      .join("\n")
  }).pipe(
    Effect.provide(Layer.merge(InMemoryBackend.layerFresh, TestClock.layer()).pipe(Layer.provide(TestClock.layer())))
  )

const page = fileURLToPath(new URL("../docs/sharing.md", import.meta.url))

/** The page as it is, and with the pictures drawn anew. */
export const drawn: Effect.Effect<readonly [before: string, after: string]> = Effect.gen(function*() {
  const before = readFileSync(page, "utf8")
  let after = before
  for (const [name, programs] of Object.entries(scenes)) {
    const marked = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`)
    if (!marked.test(after)) return yield* Effect.die(new Error(`docs/sharing.md has no picture "${name}"`))
    const picture = yield* draw(programs)
    after = after.replace(marked, (_, begin: string, end: string) => `${begin}\n\`\`\`\n${picture}\n\`\`\`\n\n${end}`)
  }
  return [before, after] as const
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, after] = await Effect.runPromise(drawn)
  writeFileSync(page, after)
}
