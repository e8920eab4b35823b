/** Processes that began as copies of one another. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { bundled } from "../support/bundled.ts"
import { kill, redis } from "../support/redis.ts"

const clone = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.map(bundled(new URL("clone.ts", import.meta.url)), (program) =>
        spawn(process.execPath, [program, String(port), "cron", "60"], { stdio: ["pipe", "pipe", "inherit"] })),
      (child) =>
        kill(child)
    ),
    (child) => {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      return {
        line: Effect.promise(async () =>
          String((await lines.next()).value)
        ),
        say: (word: string) => Effect.sync(() => void child.stdin.write(`${word}\n`))
      }
    }
  )

describe("processes that were started from one snapshot", () => {
  it.live("exclude each other, whatever they had drawn before", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const clones = yield* Effect.all([clone(port), clone(port)], { concurrency: "unbounded" })
      for (const { line } of clones) assert.strictEqual(yield* line, "ready")
      const start = Date.now() + 300
      for (const { say } of clones) yield* say(String(start))
      const all = yield* Effect.forEach(clones, ({ line }) => line, { concurrency: "unbounded" })
      const sections = all.flatMap((text) => JSON.parse(text) as Array<[number, number]>).toSorted(([a], [b]) => a - b)
      assert.isAbove(sections.length, 30)
      for (let i = 1; i < sections.length; i++) {
        assert.isAtLeast(sections[i][0], sections[i - 1][1], "sections overlap")
      }
    }))
})
