/** The tool with a directory, as an operator of one host uses it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { until } from "../support/redis.ts"
import { newKey, sh, tools } from "./tool.ts"

const { newFile, ran, tool } = tools()

/** For as long as the tool is there. */
const patient = sh("echo $EFFECT_LOCK_FENCING_TOKEN; while kill -0 $PPID; do sleep 0.05; done")

describe("effect-lock, with a directory", { concurrent: true }, () => {
  const newDirectory = () => ({ LOCK_URL: `file://${newFile()}` })

  it.live("says to a second start who runs, and since when", () =>
    Effect.gen(function*() {
      const [key, env] = [newKey(), newDirectory()]
      const first = yield* tool(["run", key, ...patient], { env })
      yield* until(Effect.sync(() => /^\d+\n$/.test(first.out())))
      const second = yield* ran(["run", key, "--once", "--", "echo", "never"], { env })
      assert.deepStrictEqual([second.code, second.out], [75, ""])
      assert.match(
        second.err,
        new RegExp(`^effect-lock: Lock "${key}" was not acquired: it is held by \\S+ since \\d{4}-`)
      )
    }).pipe(Effect.scoped))

  it.live("lists and shows a lock, and takes it away, of which its holder is told", () =>
    Effect.gen(function*() {
      const [key, env] = [newKey(), newDirectory()]
      const out = `${key} is free\n`
      const err = `effect-lock: there is no directory ${env.LOCK_URL.slice("file://".length)}, and so no lock in it\n`
      assert.deepStrictEqual(yield* ran(["show", key], { env }), { code: 1, out, err })
      const holder = yield* tool(["run", key, "--expires", "5s", ...patient], { env })
      yield* until(Effect.map(ran(["show", key], { env }), ({ code }) => code === 0))
      const shown = yield* ran(["show", key], { env })
      const owner = new RegExp(`^${key} is held by (\\S+), since \\d{4}-`).exec(shown.out)?.[1]
      assert.isDefined(owner)
      assert.include((yield* ran(["ls"], { env })).out, owner)
      assert.deepInclude(yield* ran(["release", key, "--yes"], { env }), {
        code: 0,
        out: `${key} was taken from ${owner}\n`
      })
      assert.strictEqual((yield* holder.ended).code, 76)
      assert.include(holder.err(), `Lock "${key}" was lost`)
      assert.deepInclude(yield* ran(["release", key, "--yes"], { env }), { code: 1 })
    }).pipe(Effect.scoped))

  it.live("makes no directory for who only looks, and sees one that comes", () =>
    Effect.gen(function*() {
      const path = newFile()
      const env = { LOCK_URL: `file://${path}` }
      const watching = yield* tool(["watch", "--every", "50ms"], { env })
      yield* until(Effect.sync(() => watching.err() !== ""))
      assert.deepInclude(yield* ran(["show", "key", "--json"], { env }), {
        code: 1,
        out: `${JSON.stringify({ key: "key", held: false })}\n`
      })
      const listed = yield* ran(["ls"], { env })
      assert.deepStrictEqual([listed.code, listed.out], [0, ""])
      assert.include(listed.err, `there is no directory ${path}`)
      assert.strictEqual((yield* ran(["release", "key", "--yes"], { env })).code, 1)
      assert.isFalse(existsSync(path))
      yield* tool(["run", "key", ...patient], { env: { ...env, LOCK_OWNER: "the-first" } })
      yield* until(Effect.sync(() => watching.out().includes("key taken by the-first")))
    }).pipe(Effect.scoped))

  it.live("says what is wrong with what is no directory, and what to do", () =>
    Effect.gen(function*() {
      const file = newFile()
      writeFileSync(file, "")
      const env = { LOCK_URL: `file://${file}` }
      const shown = yield* ran(["show", "key"], { env })
      assert.strictEqual(shown.code, 69)
      assert.match(shown.err, /is no directory; take a directory that has nothing but locks in it/)
      const examined = yield* ran(["doctor", "--json"], { env })
      assert.strictEqual(examined.code, 1)
      const { findings, fit } = JSON.parse(examined.out)
      assert.isFalse(fit)
      assert.match(findings[0].found, /is no directory; take a directory/)
      const wrong = yield* ran(["show", "key"], { env: { LOCK_URL: `file://${file}#1` } })
      assert.strictEqual(wrong.code, 64)
      assert.include(wrong.err, "expected a path with \"%3F\" for \"?\" and \"%23\" for \"#\"")
    }).pipe(Effect.scoped))
})
