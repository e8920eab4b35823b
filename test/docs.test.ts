import { Effect, Equal, Exit, Layer, Schema, Scope } from "effect"
import * as SqlBackend from "effect-lock/SqlBackend"
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { type Fence, fencesOf, filesIn, instrument, padded, root } from "../scripts/doctest.ts"
import { isInstalled, serverNames } from "../scripts/installed.ts"
import { publicModules, usedBy } from "../scripts/modules.ts"
import { isSiteInstalled } from "./site/support.ts"
import { punctual } from "./support/punctual.ts"
import { serverUrl } from "./support/urls.ts"

const sources = [...filesIn("src", ".ts", true), ...filesIn(".", ".md", false), ...filesIn("docs", ".md", true)]
// The reference repeats the examples of the docstrings.
const isRead = (file: string): boolean => file !== "CHANGELOG.md" && !file.startsWith("docs/api/")
const fences = sources.filter(isRead).flatMap((file) => fencesOf(file))
  .filter(({ file }) => isSiteInstalled || !file.startsWith("docs/from/"))

// Inside the project, so that its packages and its tsconfig are found.
mkdirSync(join(root, ".tmp"), { recursive: true })
const folder = mkdtempSync(join(root, ".tmp/docs-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Pages about other libraries find them in the package of the site.
const isOfSite = (fence: Fence): boolean => fence.file.startsWith("docs/from/")
mkdirSync(join(root, "site/.tmp"), { recursive: true })
const siteFolder = mkdtempSync(join(root, "site/.tmp/docs-"))
afterAll(() => rmSync(siteFolder, { recursive: true, force: true }))

const write = (kind: string, fence: Fence, code: string): string => {
  const path = join(isOfSite(fence) ? siteFolder : folder, kind, `${fence.file}.${fence.line}.ts`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, code)
  return path
}

let programs = 0

/** Runs an example and compares its values. Each assertion has to be reached, and nothing may catch its failure. */
const runOnce = async (fence: Fence): Promise<void> => {
  // Each is a program of its own, and so has locks of its own.
  Reflect.deleteProperty(globalThis, Symbol.for("effect-lock/InMemoryBackend/1"))
  const { code, lines } = instrument(fence)
  const pending = new Set(lines)
  Object.assign(globalThis, {
    __check: (line: number, actual: unknown, expected: () => unknown): void => {
      const value = expected()
      if (!Equal.equals(actual, value)) expect(actual, `${fence.file}:${line}`).toStrictEqual(value)
      pending.delete(line)
    }
  })
  await import(/* @vite-ignore */ write(`run-${++programs}`, fence, code))
  assert.deepStrictEqual([...pending].map((line) => `${fence.file}:${line}`), [], "assertions that never held")
}

/** Some have leases and timeouts of seconds, in real time. */
const run = (fence: Fence): Promise<void> => Effect.runPromise(punctual(100)(Effect.promise(() => runOnce(fence))))

describe("examples", () => {
  it("exist", () => assert.isNotEmpty(fences))

  it("type-check", async () => {
    for (const fence of fences) write("types", fence, padded(fence))
    const options = {
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false },
      include: ["types/**/*", join(siteFolder, "types/**/*"), join(root, "site/untyped.d.ts")]
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options))
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const output = await promisify(execFile)(process.execPath, [tsc, "-p", ".", "--pretty", "false"], { cwd: folder })
      .then(() => "", (error: { readonly stdout: string }) => error.stdout)
    assert.strictEqual(output.replace(/^\S*\btypes\/(.+)\.\d+\.ts\((\d+),\d+\)/gm, "$1:$2"), "")
  })

  const toRun = fences.filter(({ tags }) => !tags.includes("no-run"))
  for (const server of serverNames) {
    const own = toRun.filter(({ tags }) => tags.includes(server))
    if (own.length === 0) continue
    describe.skipIf(!isInstalled(server))(server, () => {
      const variable = `${server.toUpperCase()}_URL`
      const before = process.env[variable]
      const scope = Scope.makeUnsafe()
      beforeAll(async () => {
        process.env[variable] = await Effect.runPromise(Scope.provide(serverUrl(server), scope))
      })
      afterAll(async () => {
        if (before === undefined) delete process.env[variable]
        else process.env[variable] = before
        await Effect.runPromise(Scope.close(scope, Exit.void))
      })
      for (const fence of own) it(`${fence.file}:${fence.line}`, () => run(fence))
    })
  }
  for (const fence of toRun) {
    if (!serverNames.some((server) => fence.tags.includes(server))) {
      it(`${fence.file}:${fence.line}`, () => run(fence))
    }
  }
})

describe("pages", () => {
  it("show the table of locks as it is created", async () => {
    const page = readFileSync(join(root, "docs/postgresql.md"), "utf8")
    assert.include(page, `\`\`\`sql\n${await Effect.runPromise(SqlBackend.createTable())}\n\`\`\``)
  })
})

const complain = (doc: string | undefined): string | undefined => {
  if (doc === undefined) return "no docstring"
  if (!/^[^@*\s].*[.:]$/s.test(doc.split("\n\n")[0])) return "no first sentence"
  return /^@since \d+\.\d+\.\d+$/m.test(doc) ? undefined : "no @since"
}

describe("docstrings", () => {
  const modules = publicModules()

  it("say what every module and every export is, and since when", () => {
    const complaints = modules.flatMap((module) => [
      { at: `${module.file}:1`, name: "module", complaint: complain(module.doc) },
      ...module.exports.map(({ doc, line, name }) => ({
        at: `${module.file}:${line}`,
        name,
        complaint: complain(doc)
      })),
      // What comes from a public module is documented there.
      ...module.reExports.filter(({ file }) => file.includes("/internal/"))
        .map(({ doc, line, name }) => ({ at: `${module.file}:${line}`, name, complaint: complain(doc) }))
    ])
    assert.deepStrictEqual(
      complaints.filter(({ complaint }) => complaint !== undefined).map(({ at, complaint, name }) =>
        `${at} ${name}: ${complaint}`
      ),
      []
    )
  })

  it("show every module, function, class and layer in an example", async () => {
    const used = new Set(fences.flatMap((fence) => Array.from(usedBy(fence, modules))))
    const missing: Array<string> = []
    for (const module of modules) {
      // A fence in the module's own docstrings is about the module, whatever it imports.
      if (!used.has(module.file) && !fences.some(({ file }) => file === module.file)) missing.push(module.file)
      const values: Record<string, unknown> = await import(/* @vite-ignore */ join(root, module.file))
      for (const { kind, line, name } of module.exports) {
        const value = values[name]
        const needsExample = kind === "class" || Layer.isLayer(value) ||
          (typeof value === "function" && !Schema.isSchema(value))
        if (needsExample && !used.has(`${module.file} ${name}`)) missing.push(`${module.file}:${line} ${name}`)
      }
    }
    assert.deepStrictEqual(missing, [])
  })
})
