import { Effect } from "effect"
import { build as esbuild } from "esbuild"
import { rmSync, writeFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { join } from "node:path"
import { build as vite, createLogger } from "vite"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { browser, serve } from "../support/chromium.ts"
import { directory } from "../support/directory.ts"
import { exec, pack, type Packed, pinned } from "./packed.ts"

/** Two fibers that take turns, by the names that the barrel exports. */
const program = `
import { Effect } from "effect"
import { InMemoryBackend, Lock } from "effect-lock"

const said = []
const turns = (name) =>
  Effect.gen(function*() {
    said.push(name + " in")
    yield* Effect.sleep("5 millis")
    said.push(name + " out")
  }).pipe(Lock.withLock("key"), Effect.repeat({ times: 2 }))

globalThis.result = Effect.runPromise(
  Effect.all([turns("ada"), turns("bob")], { concurrency: "unbounded" }).pipe(Effect.provide(InMemoryBackend.layer))
).then(() => said.join(", "))
`

const turns = Array.from({ length: 3 }, () => "ada in, ada out, bob in, bob out").join(", ")

let packed: Packed
let user: string

beforeAll(async () => {
  packed = await pack()
  user = (await packed.project(packed.tarball, ...pinned("effect"))).folder
  writeFileSync(join(user, "program.js"), program)
})

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

interface Bundle {
  readonly code: string
  readonly modules: ReadonlyArray<string>
  readonly complaints: ReadonlyArray<string>
}

const bundlers: Record<string, () => Promise<Bundle>> = {
  esbuild: async () => {
    const { metafile, outputFiles, warnings } = await esbuild({
      absWorkingDir: user,
      entryPoints: ["program.js"],
      bundle: true,
      format: "esm",
      platform: "browser",
      metafile: true,
      write: false,
      logLevel: "silent"
    })
    return {
      code: outputFiles[0].text,
      modules: Object.keys(metafile.inputs),
      complaints: warnings.map(({ text }) => text)
    }
  },
  vite: async () => {
    const complaints: Array<string> = []
    const logger = createLogger("silent")
    const complain = (message: string) => void complaints.push(message)
    const output = await vite({
      root: user,
      configFile: false,
      logLevel: "silent",
      customLogger: { ...logger, warn: complain, warnOnce: complain, error: complain },
      build: { write: false, rollupOptions: { input: join(user, "program.js") } }
    })
    const chunks = [output].flat().flatMap((one) => "output" in one ? one.output : [])
      .flatMap((chunk) => chunk.type === "chunk" ? [chunk] : [])
    return {
      code: chunks.map(({ code }) => code).join("\n"),
      modules: chunks.flatMap(({ moduleIds }) => moduleIds),
      complaints
    }
  }
}

describe("a bundle of a program that locks in memory", () => {
  for (const [name, bundle] of Object.entries(bundlers)) {
    it(`is made by ${name}, with no driver and nothing of Node in it`, async () => {
      const { code, complaints, modules } = await bundle()
      assert.deepStrictEqual(complaints, [])
      const packages = new Set(modules.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []))
      assert.includeMembers([...packages], ["effect", "effect-lock"])
      assert.isFalse(packages.has("ioredis") || packages.has("memjs"))
      assert.isUndefined(modules.find((file) => /(?:Redis|Memcache|Sql)Backend|BackendUrl/.test(file)))
      const imports = [...code.matchAll(/\b(?:from|import|require)\s*\(?["']([^"']+)["']/g)].map(([, name]) => name)
      assert.deepStrictEqual(
        imports.filter((name) => name.startsWith("node:") || builtinModules.includes(name)),
        []
      )
    })

    it.skipIf(!isInstalled("chromium"))(
      `by ${name} runs in a browser, and its fibers take turns`,
      () =>
        Effect.gen(function*() {
          const { code } = yield* Effect.promise(bundle)
          const origin = yield* serve({ "index.js": code })
          const context = yield* Effect.flatMap(directory, browser)
          const said = yield* Effect.promise(async () => {
            const page = await context.newPage()
            const errors: Array<string> = []
            page.on("pageerror", (error) => errors.push(error.message))
            await page.goto(origin)
            const said = await page.evaluate(() => (globalThis as unknown as { result: Promise<string> }).result)
            return [...errors, said]
          })
          assert.deepStrictEqual(said, [turns])
        }).pipe(Effect.scoped, Effect.runPromise)
    )
  }

  it("by esbuild runs on this Node", async () => {
    const { code } = await bundlers.esbuild()
    writeFileSync(join(user, "bundle.mjs"), `${code}\nconsole.log(await globalThis.result)`)
    assert.strictEqual((await exec(user, process.execPath, "bundle.mjs")).trim(), turns)
  })
})
