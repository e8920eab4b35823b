import { Effect } from "effect"
import { spawn } from "node:child_process"
import { assert, describe, it } from "vitest"
import { filesIn, root } from "../scripts/doctest.ts"
import { isInstalled, type ServerName } from "../scripts/installed.ts"
import { serverUrl } from "./support/urls.ts"

/** What an example prints: these lines, in this order, other lines between them or not. */
interface Expectation {
  readonly prints: ReadonlyArray<RegExp>
  readonly server?: ServerName
}

const expectations: Record<string, Expectation> = {
  "custom-backend": {
    prints: [
      /^tryAcquire migration: Acquired$/,
      /^extend migration: true$/,
      /^extend migration: true$/,
      /^release migration: true$/,
      /^rows left: 0$/
    ]
  },
  "key-templates": {
    prints: [
      /^invoice-ada-may +invoice for may sent to ada$/,
      /^invoice-ada-may +is being sent already$/,
      /^invoice-ada-june +invoice for june sent to ada$/,
      /^invoice-bob-may +invoice for may sent to bob$/,
      /^invoice-ada%2d;may-x is not invoice-ada-may%2d;x$/
    ]
  },
  once: {
    prints: [
      /^ {2}writing the report$/,
      /^ {2}scheduler 1: report of today$/,
      /^ {2}scheduler 2: skipped/,
      /^ {2}scheduler 3: skipped/,
      /^ {2}writing the report$/,
      /^ {2}scheduler 1: report of today$/,
      /^ {2}scheduler 2: failed: LockTimeout$/,
      /^ {2}ran again: true$/
    ]
  },
  quickstart: {
    prints: [
      /^ {2}ada +█+ waited \d+ ms, fencing token 1$/,
      /^ {2}bob +·+█+ waited \d+ ms, fencing token 2$/,
      /^ {2}cleo +·+█+ waited \d+ ms, fencing token 3$/,
      /^ {2}dan +·+█+ waited \d+ ms, fencing token 4$/,
      /^Never two at once\.$/,
      /^And once: the first ran, the second found it taken\.$/
    ]
  },
  "test-layers": {
    prints: [
      /^ok {3}renews while it works: rebuilt$/,
      /^ {5}calls: tryAcquire, extend, release$/,
      /^ok {3}gives up after its timeout: somebody else is rebuilding$/,
      /^ok {3}stops when the lock is lost: stopped half way$/,
      /^ok {3}open backend: ran$/
    ]
  },
  "typed-errors": {
    prints: [
      /^charged$/,
      /^busy: Lock "order-held" was not acquired after waiting \d+ms: it is held by \S+ since /,
      /^lost: Lock "order-stolen" was lost after \d+ms: the backend no longer knows us/,
      /^down: .* \(Unreachable\)/,
      /^wrong: Invalid lock option "expires": got -1, expected /
    ]
  }
}

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
    const { prints, server } = expectations[name] ?? { prints: [] }
    it.skipIf(server !== undefined && !isInstalled(server))(`${name} runs`, () =>
      Effect.gen(function*() {
        const env = server === undefined ? {} : { [`${server.toUpperCase()}_URL`]: yield* serverUrl(server) }
        const { code, stderr, stdout } = yield* run(`examples/${name}.ts`, env)
        assert.strictEqual(code, 0, `${stdout}\n${stderr}`)
        assert.strictEqual(missingLine(stdout, prints), undefined, `missing in the output:\n${stdout}\n${stderr}`)
      }).pipe(Effect.scoped, Effect.runPromise), 60_000)
  }
})
