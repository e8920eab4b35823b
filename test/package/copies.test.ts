/** A program that has this package twice, since a dependency brought its own copy along. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { exec, pack, type Packed, pinned } from "./packed.ts"

let packed: Packed
let user: string

beforeAll(async () => {
  packed = await pack()
  const { folder, modules } = await packed.project(packed.tarball, ...pinned("effect"))
  user = folder
  const copy = join(user, "node_modules/theirs/node_modules/effect-lock")
  mkdirSync(join(copy, ".."), { recursive: true })
  cpSync(join(modules, "effect-lock"), copy, { recursive: true })
  writeFileSync(
    join(user, "node_modules/theirs/package.json"),
    JSON.stringify({ name: "theirs", type: "module", exports: "./index.js" })
  )
  writeFileSync(join(user, "node_modules/theirs/index.js"), `export * from "effect-lock"`)
})

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

/** What an effect over both copies comes to. */
const run = async (effect: string): Promise<unknown> => {
  const program = `
    import { Effect, Fiber, Option, Schema } from "effect"
    import * as Ours from "effect-lock"
    import * as Theirs from "theirs"
    if (Ours.Lock === Theirs.Lock) throw new Error("there is one copy")
    console.log(JSON.stringify(await Effect.runPromise(${effect})))`
  const lines = await exec(user, process.execPath, "--input-type=module", "--eval", program)
  // The log comes before it.
  return JSON.parse(lines.trimEnd().split("\n").at(-1)!)
}

describe("two copies of the package", () => {
  it("know each other's errors", async () => {
    const known = await run(`Effect.forEach([Ours, Theirs], ({ Lock }) =>
      Lock.withLock(Effect.void, "").pipe(
        Effect.flip,
        Effect.map((error) => [
          error instanceof Ours.LockError.LockError,
          Ours.LockError.isLockError(error),
          Schema.is(Ours.LockError.LockError)(error)
        ]),
        Effect.provide(Theirs.InMemoryBackend.layer)
      ))`)
    assert.deepStrictEqual(known, [[true, true, true], [false, true, true]])
  })

  it("exclude each other, each with locks in memory", async () => {
    const other = `Theirs.Lock.once(Effect.void, "key").pipe(Effect.provide(Theirs.InMemoryBackend.layer))`
    const ours = `Ours.Lock.withLock(${other}, "key").pipe(Effect.provide(Ours.InMemoryBackend.layer))`
    assert.strictEqual(await run(`Effect.map(${ours}, (ran) => ran._tag)`), "None")
  })

  it("are contenders as processes are, for work that asks the other for what it has", async () => {
    const inner = `Theirs.Lock.withLock(Effect.void, "key", { timeout: "50 millis" }).pipe(
      Effect.flip,
      Effect.map(({ reason }) => reason._tag),
      Effect.provide(Theirs.InMemoryBackend.layer)
    )`
    const ours = `Ours.Lock.withLock(${inner}, "key").pipe(Effect.provide(Ours.InMemoryBackend.layer))`
    assert.strictEqual(await run(ours), "LockTimeout")
  })

  it("lead again after a loss, on the backend of the other", async () => {
    const term = await run(`Effect.gen(function*() {
      let terms = 0
      const fiber = yield* Effect.forkChild(
        Ours.Leader.lead(Effect.suspend(() => ++terms === 1 ? Effect.never : Effect.succeed(terms)), "key")
      )
      while (terms === 0) yield* Effect.sleep(1)
      yield* Theirs.Lock.forceRelease("key")
      return yield* Fiber.join(fiber)
    }).pipe(Effect.provide(Theirs.InMemoryBackend.layer))`)
    assert.strictEqual(term, 2)
  })

  it("understand what a store of the other fails with", async () => {
    const heard = await run(`Effect.gen(function*() {
      const failure = new Theirs.LockError.BackendFailure({
        backend: "theirs", operation: "acquire", kind: "Unreachable", retryable: true
      })
      let asked = 0
      const layer = Ours.LockBackend.layer(Effect.succeed({
        name: "theirs",
        tryAcquire: () => ++asked === 1 ? Effect.fail(failure) : Effect.succeed({ _tag: "Acquired", fencingToken: 1 }),
        extend: () => Effect.succeed(true),
        release: () => Effect.succeed(true),
        inspect: () => Effect.fail(failure)
      }))
      const inspected = Ours.Lock.inspect("key").pipe(Effect.flip, Effect.map(({ reason }) => reason.kind))
      return yield* Effect.all([inspected, Ours.Lock.withLock(Effect.succeed("locked"), "key")]).pipe(Effect.provide(layer))
    })`)
    assert.deepStrictEqual(heard, ["Unreachable", "locked"])
  })
})
