/** The command that runs on one host at a time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { contents } from "../support/cli.ts"
import { until } from "../support/redis.ts"
import { isAlive, newKey, sh, tools } from "./tool.ts"

const { isFree, newFile, ran, tool, waitsFor } = tools()

/** Says who leads, and goes on. */
const daemon = `echo $$ > "$1"; exec sleep 1000`

describe("effect-lock lead", () => {
  it.live("runs the command on one host, and on the next when that is killed or told to end", () =>
    Effect.gen(function*() {
      const key = newKey()
      const files = [newFile(), newFile(), newFile()]
      const hosts = []
      for (const file of files) {
        // A host that leads loses it to nobody while the machine is busy.
        hosts.push(yield* tool(["lead", key, "--expires", "15s", ...sh(daemon, file)]))
        if (hosts.length === 1) yield* contents(file)
        else yield* waitsFor(key, hosts.length - 1)
      }
      hosts[0].kill("SIGKILL")
      const second = Number(yield* contents(files[1]))
      // What it says may arrive after what its command has written.
      const { err } = hosts[1]
      yield* until(Effect.sync(() => err().includes(`leads ${key}`)))
      hosts[1].kill("SIGTERM")
      assert.strictEqual((yield* hosts[1].ended).code, 143)
      assert.isFalse(isAlive(second))
      yield* contents(files[2])
      process.kill(Number(readFileSync(files[0], "utf8")), "SIGKILL")
    }).pipe(Effect.scoped))

  it.live("stops the command when leadership is lost, and waits to lead again", () =>
    Effect.gen(function*() {
      const [key, file] = [newKey(), newFile()]
      const script = `echo $$ >> "$1"; exec sleep 1000`
      const leader = yield* tool(["lead", key, "--expires", "9s", "--json", ...sh(script, file)])
      const first = Number(yield* contents(file))
      assert.strictEqual((yield* ran(["release", key, "--yes"])).code, 0)
      const terms = yield* contents(file, (text) => text.trim().split("\n").length === 2)
      yield* until(Effect.sync(() => !isAlive(first)))
      assert.notStrictEqual(terms.trim().split("\n")[1], String(first))
      const notes = leader.err().trim().split("\n").map((line) => JSON.parse(line)).filter(({ leads }) =>
        leads !== undefined
      )
      assert.deepStrictEqual(notes.map(({ leads }) => leads), [true, false, true])
      assert.isAbove(notes[2].fencingToken, notes[0].fencingToken)
    }).pipe(Effect.scoped))

  it.live("ends with the command, or runs it again where that is wanted", () =>
    Effect.gen(function*() {
      const [key, file] = [newKey(), newFile()]
      assert.strictEqual((yield* ran(["lead", key, ...sh("exit 7")])).code, 7)
      assert.strictEqual((yield* ran(["lead", key, "--", "no-such-command"])).code, 127)
      const script = `echo again >> "$1"; [ $(wc -l < "$1") = 3 ] && exit 0; exit 9`
      const { code, err } = yield* ran(["lead", key, "--restart", "10ms", ...sh(script, file)])
      assert.strictEqual(code, 0)
      assert.strictEqual(err.split("has ended with 9").length, 3)
      assert.isTrue(yield* isFree(key))
    }))

  it.live("ends when it is told to while it waits to lead", () =>
    Effect.gen(function*() {
      const [key, file] = [newKey(), newFile()]
      yield* tool(["lead", key, ...sh(daemon, file)])
      yield* contents(file)
      const other = yield* tool(["lead", key, "--restart", "1s", ...sh(daemon, newFile())])
      yield* waitsFor(key)
      other.kill("SIGTERM")
      assert.strictEqual((yield* other.ended).code, 143)
      yield* waitsFor(key, 0)
    }).pipe(Effect.scoped))

  it.live("wants -- before the command", () =>
    Effect.gen(function*() {
      const { code, err } = yield* ran(["lead", newKey(), "echo"])
      assert.strictEqual(code, 64)
      assert.include(err, "effect-lock lead KEY -- COMMAND")
    }))
})
