import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { filesIn, root } from "../../scripts/doctest.ts"
import { publicModules } from "../../scripts/modules.ts"
import { bin, exec, pack, type Packed, pinned } from "./packed.ts"

// Installed in a project with nothing but effect.
let packed: Packed
let user: string
let modules: string
let installed: string

beforeAll(async () => {
  packed = await pack()
  ;({ folder: user, modules } = await packed.project(packed.tarball, ...pinned("effect")))
  installed = join(modules, "effect-lock")
})

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

const node = (...args: ReadonlyArray<string>) => exec(user, process.execPath, ...args)

describe("package", () => {
  it("holds the build, the sources and nothing else", () => {
    assert.deepStrictEqual(readdirSync(installed).toSorted(), ["LICENSE", "README.md", "dist", "package.json", "src"])
    const built = readdirSync(join(installed, "dist"), { recursive: true, encoding: "utf8" })
    for (const { file } of publicModules()) {
      const name = file.slice("src/".length, -".ts".length)
      assert.includeMembers(built, [`${name}.js`, `${name}.d.ts`])
    }
  })

  it("says where it comes from, and so does that of the tool", () => {
    for (const file of [join(installed, "package.json"), join(root, "cli/package.json")]) {
      const { bugs, homepage, keywords, license, repository } = JSON.parse(readFileSync(file, "utf8"))
      for (const address of [bugs, homepage, repository.url]) assert.match(address, /github\.com\/effect-lock\//, file)
      assert.include(keywords, "distributed-lock")
      assert.strictEqual(license, "MIT")
    }
  })

  it("names no path of the machine that built it", () => {
    for (const file of readdirSync(join(installed, "dist"), { recursive: true, encoding: "utf8" })) {
      if (/\.(?:js|ts|map)$/.test(file)) {
        const text = readFileSync(join(installed, "dist", file), "utf8")
        assert.notInclude(text, root, file)
      }
    }
  })

  it("passes publint", () => exec(packed.folder, bin("publint"), "--strict", packed.tarball))

  it("passes are-the-types-wrong, every module of it", async () => {
    const modules = publicModules().map(({ name }) => name).filter((name) => name !== "index" && name !== "testing")
    await exec(packed.folder, bin("attw"), packed.tarball, "--profile", "esm-only", "--include-entrypoints", ...modules)
  })
})

describe("a project without ioredis and memjs", () => {
  it("has neither", () => {
    assert.isFalse(existsSync(join(modules, "ioredis")))
    assert.isFalse(existsSync(join(modules, "memjs")))
  })

  it("imports all that the barrel promises, and locks", async () => {
    writeFileSync(
      join(user, "lock.js"),
      `import * as EffectLock from "effect-lock"
       import { Effect } from "effect"
       const { InMemoryBackend, Lock } = EffectLock
       const program = Effect.succeed("locked").pipe(Lock.withLock("key"), Effect.provide(InMemoryBackend.layer))
       console.log(JSON.stringify([Object.keys(EffectLock), await Effect.runPromise(program)]))`
    )
    const [names, result]: [ReadonlyArray<string>, string] = JSON.parse(await node("lock.js"))
    assert.strictEqual(result, "locked")
    const modules = publicModules()
    const barrel = modules.find(({ name }) => name === "index")
    // Of a module of types nothing is left.
    const isTypes = (name: string) =>
      modules.find((module) => module.name === name)?.exports.every(({ kind }) => kind === "type") === true
    const promised = (barrel?.reExports ?? []).map(({ name }) => name).filter((name) => name !== "*" && !isTypes(name))
    assert.includeMembers([...names], promised)
    assert.includeMembers([...names], [
      "InMemoryBackend",
      "Lock",
      "LockBackend",
      "LockConfig",
      "LockError",
      "LockKey",
      "OpenBackend"
    ])
  })

  it("imports every module that needs no driver", async () => {
    const modules = publicModules().map(({ name }) => name)
      .filter((name) => name !== "index" && name !== "RedisBackend" && name !== "MemcacheBackend")
    const imports = modules.map((name) => `import ${JSON.stringify(`effect-lock/${name}`)}`)
    writeFileSync(join(user, "modules.js"), imports.join("\n"))
    await node("modules.js")
  })

  for (const [module, driver] of [["RedisBackend", "ioredis"], ["MemcacheBackend", "memjs"]]) {
    it(`is told that ${module} needs ${driver}, when it uses it`, async () => {
      writeFileSync(
        join(user, `${module}.js`),
        `import { Effect, Layer } from "effect"
         const build = ({ layer }) => Effect.runPromise(Effect.scoped(Layer.build(layer())))
         await import("effect-lock/${module}").then(build).then(() => "built", (error) => error.message).then(console.log)`
      )
      assert.match(await node(`${module}.js`), new RegExp(`package ["']${driver}["']`))
    })
  }

  it("cannot reach what is internal", async () => {
    const code = `import("effect-lock/internal/token").then(() => "imported", (error) => error.code).then(console.log)`
    assert.strictEqual((await node("--input-type=module", "--eval", code)).trim(), "ERR_PACKAGE_PATH_NOT_EXPORTED")
  })

  it("sees the types that the sources have", async () => {
    // Those of the modules that need a driver are left out, as the driver is.
    const tests = filesIn("test/types", ".ts", false).filter((file) =>
      !/(?:RedisBackend|MemcacheBackend|SqlBackend|\.test)\b/.test(file)
    )
    for (const file of tests) cpSync(join(root, file), join(user, file))
    const options = {
      compilerOptions: {
        target: "ES2022",
        module: "NodeNext",
        moduleDetection: "force",
        strict: true,
        exactOptionalPropertyTypes: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
        noEmit: true,
        types: []
      },
      include: ["test/types"]
    }
    writeFileSync(join(user, "tsconfig.json"), JSON.stringify(options))
    await exec(user, bin("tsc"), "-p", ".", "--pretty", "false")
  })
})
