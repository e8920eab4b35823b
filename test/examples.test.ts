import { Effect } from "effect"
import { spawn } from "node:child_process"
import { assert, describe, it } from "vitest"
import { filesIn, root } from "../scripts/doctest.ts"
import { type ServerName, serverUrl } from "./support/urls.ts"

/** What an example prints: these lines, in this order, other lines between them or not. */
interface Expectation {
  readonly prints: ReadonlyArray<RegExp>
  readonly server?: ServerName
}

const expectations: Record<string, Expectation> = {}

interface Output {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const run = (file: string, env: Record<string, string>): Effect.Effect<Output> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, ["--import", "tsx", file], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => stdout += chunk)
    child.stderr.on("data", (chunk) => stderr += chunk)
    child.once("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The first expected line that does not follow those before it. */
const missingLine = (output: string, prints: ReadonlyArray<RegExp>): RegExp | undefined => {
  let lines = output.split("\n")
  return prints.find((pattern) => {
    const index = lines.findIndex((line) => pattern.test(line))
    lines = lines.slice(index + 1)
    return index < 0
  })
}

describe("examples", () => {
  const names = filesIn("examples", ".ts", false).map((file) => file.slice("examples/".length, -".ts".length))

  it("exist, and each says here what it prints", () => {
    assert.isNotEmpty(names)
    assert.deepStrictEqual(Object.keys(expectations).toSorted(), names)
  })

  for (const name of names) {
    it(`${name} runs`, () =>
      Effect.gen(function*() {
        const { prints, server } = expectations[name] ?? { prints: [] }
        const env = server === undefined ? {} : { [`${server.toUpperCase()}_URL`]: yield* serverUrl(server) }
        const { code, stderr, stdout } = yield* run(`examples/${name}.ts`, env)
        assert.strictEqual(code, 0, `${stdout}\n${stderr}`)
        assert.strictEqual(missingLine(stdout, prints), undefined, `missing in the output:\n${stdout}\n${stderr}`)
      }).pipe(Effect.scoped, Effect.runPromise), 60_000)
  }
})
