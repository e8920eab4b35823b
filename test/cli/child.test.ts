/** The command and what has come of it, as the system is asked to end them. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Exit, Scope } from "effect"
import { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, vi } from "vitest"
import { start } from "../../cli/src/child.ts"
import { directory } from "../support/directory.ts"
import { until } from "../support/redis.ts"

afterEach(() => vi.restoreAllMocks())

it.live.skipIf(process.platform !== "linux")(
  "tells a script to end before what it waits for, so that it does not go on",
  () =>
    Effect.gen(function*() {
      const ready = join(yield* directory, "ready")
      const scope = yield* Scope.make()
      const script = `sh -c 'echo $$ > "$1.new"; mv "$1.new" "$1"; exec sleep 1000' sh "$1"; echo on`
      yield* Scope.provide(start("sh", ["-c", script, "sh", ready], { env: {}, grace: Duration.minutes(1) }), scope)
      const read = () => {
        try {
          return readFileSync(ready, "utf8").trim()
        } catch {
          return ""
        }
      }
      yield* until(Effect.sync(() => read() !== ""))
      const told: Array<string> = []
      const { kill } = ChildProcess.prototype
      vi.spyOn(ChildProcess.prototype, "kill").mockImplementation(function(this: ChildProcess, signal) {
        told.push(`script ${signal}`)
        return kill.call(this, signal)
      })
      const killOne = process.kill.bind(process)
      vi.spyOn(process, "kill").mockImplementation((pid, signal) => {
        told.push(`${pid === Number(read()) ? "child" : pid} ${signal}`)
        return killOne(pid, signal)
      })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(told.slice(0, 2), ["script SIGTERM", "child SIGTERM"])
    }).pipe(Effect.scoped)
)
