/** The page for those who are woken: its commands do what it shows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { contents } from "../support/cli.ts"
import { it as punctual } from "../support/punctual.ts"
import { until } from "../support/redis.ts"
import { sh, tools } from "./tool.ts"

const { isFree, newFile, ran, tool } = tools()

const page = readFileSync(new URL("../../docs/at-three-in-the-morning.md", import.meta.url), "utf8")

/** What is typed, and what comes, where … stands for anything. */
const steps = Array.from(page.matchAll(/```console\n([^]*?)```/g), ([, block]) => block.split(/^\$ /m).slice(1))
  .flat().map((step) => {
    const [command, ...lines] = step.trim().split("\n")
    const pattern = lines.join("\n").split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^]*")
    // On a busy machine everybody is late, and the doctor says so.
    const tolerant = pattern.replaceAll("ok      waking:", "(?:ok     |WARNING) waking:")
    return { args: command.split(" ").slice(1), command, output: new RegExp(`^${tolerant}\\s*$`) }
  })

describe("the page for three in the morning", () => {
  punctual.live("shows what comes when its commands are typed", () =>
    Effect.gen(function*() {
      const file = newFile()
      yield* tool(["run", "order-7", ...sh(`echo ready > "$1"; exec sleep 1000`, file)], {
        env: { LOCK_OWNER: "web-3-4711" }
      })
      yield* contents(file)
      assert.isAtLeast(steps.length, 4)
      for (const { args, command, output } of steps) {
        assert.strictEqual(command.split(" ")[0], "effect-lock")
        const { err, out } = yield* ran(args)
        assert.match(out, output, `${command}\n${err}`)
      }
      yield* until(isFree("order-7"))
    }).pipe(Effect.scoped))

  it("names commands, metrics and kinds that there are", () => {
    const metrics = readFileSync(new URL("../../src/internal/meter.ts", import.meta.url), "utf8")
    for (const [name] of page.matchAll(/\block_\w+/g)) assert.include(metrics, `"${name}"`)
    for (const [, name] of page.matchAll(/effect-lock (\w+)(?= |`)/g)) {
      assert.include(["ls", "show", "watch", "release", "doctor"], name)
    }
  })

  it("is where the alerts point to", () => {
    const alerts = readFileSync(new URL("../../docs/operations/alerts.yml", import.meta.url), "utf8")
    const headings = Array.from(page.matchAll(/^## (.*)$/gm), ([, heading]) => heading.toLowerCase())
    for (const [, heading] of alerts.matchAll(/See: ([^."]*)/g)) assert.include(headings, heading)
  })
})
