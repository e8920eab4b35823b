/** Waiting for a key, with tickets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { Lock, LockBackend } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import type { Grant } from "effect-lock/LockStore"
import fs, { renameSync, utimesSync, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import * as Directory from "../../src/internal/file/directory.ts"
import * as State from "../../src/internal/file/state.ts"
import { directory } from "../support/directory.ts"
import { punctual } from "../support/punctual.ts"
import { seeCalls, systemError } from "./calls.ts"
import { acquire, claim, elsewhere, eventually, holderOf, micros, namesOf, storeIn } from "./support.ts"

/** Waits for the key with a ticket, and is told. */
const waits = Effect.fnUntraced(
  function*(store: Effect.Success<ReturnType<typeof storeIn>>, key: string, token: string) {
    const told: Array<Grant | undefined> = []
    yield* store.listen!(key, token, (grant) => told.push(grant))
    assert.strictEqual((yield* store.tryAcquire(claim(key, token, 10_000, true)))._tag, "Held")
    return told
  }
)

describe("waiters", () => {
  it.live("are granted the key in their order, each woken by the release", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const stores = [yield* storeIn(path), yield* storeIn(path), yield* storeIn(path)]
      const first = yield* acquire(stores[0], "key", "1-a")
      const tokens = ["1-b", "1-c", "1-d", "1-e"]
      const told: Array<ReadonlyArray<Grant | undefined>> = []
      for (const [i, token] of tokens.entries()) told.push(yield* waits(stores[i % 3], "key", token))
      assert.strictEqual(Option.getOrThrow(yield* stores[1].inspect("key")).waiters, 4)
      let last = first
      for (const [i, token] of ["1-a", ...tokens].entries()) {
        yield* stores[(i + 2) % 3].release("key", token)
        if (i === tokens.length) break
        yield* eventually(Effect.sync(() => told[i].length > 0))
        const grant = told[i][0]!
        assert.isAbove(grant.fencingToken, last)
        assert.strictEqual(grant.leaseMillis, 10_000)
        assert.strictEqual(yield* holderOf(stores[0], "key"), tokens[i])
        last = grant.fencingToken
      }
      assert.deepStrictEqual(told.map(({ length }) => length), [1, 1, 1, 1])
      assert.isTrue(Option.isNone(yield* stores[0].inspect("key")))
    }).pipe(Effect.scoped))

  it.live("that are stopped cost the next one a second together, and keep only their own places", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path)
      yield* acquire(store, "key", "1-holder", 60_000)
      // Five that will not answer, and two who wait behind them.
      for (let i = 0; i < 5; i++) {
        writeFileSync(
          `${path}/lock-key/${State.make("q", 0, micros(), 1_000, `1-deaf.${i}`, elsewhere).name}`,
          ""
        )
      }
      const turns: Array<string> = []
      const backend = yield* LockBackend.make(yield* storeIn(path))
      const waiter = (name: string) =>
        Lock.withLock(Effect.sync(() => turns.push(name)), "key", { timeout: "Infinity" }).pipe(
          Effect.provideService(LockBackend.LockBackend, backend),
          Effect.forkChild({ startImmediately: true })
        )
      const one = yield* waiter("one")
      yield* eventually(Effect.sync(() => namesOf(path, "key").length === 7))
      const start = performance.now()
      yield* store.release("key", "1-holder")
      yield* Fiber.join(one)
      // One second, not five; and some for a busy machine.
      assert.isBelow(performance.now() - start, 3_500)
      assert.isFalse(namesOf(path, "key").some((name) => name.includes("deaf")))
    }).pipe(punctual(100)))

  it.live("that have left without a word are not granted the key", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [one, other] = [yield* storeIn(path), yield* storeIn(path)]
      yield* acquire(one, "key", "1-a")
      yield* waits(other, "key", "1-b")
      const told = yield* waits(other, "key", "1-c")
      // The first leaves when the key is about to be given to it: its ticket has been seen, and goes.
      const left = { done: false }
      const runSync = Effect.runSyncWith(yield* Effect.context<never>())
      yield* seeCalls(path, (name, file) => {
        if (name !== "renameSync" || !file.includes("/f,") || left.done) return
        left.done = true
        runSync(other.release("key", "1-b"))
      })
      yield* one.release("key", "1-a")
      assert.isTrue(left.done)
      yield* eventually(Effect.sync(() => told.length > 0))
      assert.strictEqual(told[0]?.leaseMillis, 10_000)
      assert.strictEqual(yield* holderOf(one, "key"), "1-c")
    }).pipe(Effect.scoped))

  it.live("poll where the system has no watches left", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path)
      yield* acquire(store, "key", "1-a")
      yield* seeCalls(path, (name) => {
        if (name === "watch") throw systemError("ENOSPC")
      })
      const waiter = yield* Lock.withLock(Effect.succeed("done"), "key", { timeout: "20 seconds" }).pipe(
        Effect.provide(FileBackend.layer({ directory: path, poll: "100 millis" })),
        Effect.forkChild({ startImmediately: true })
      )
      yield* eventually(Effect.sync(() => namesOf(path, "key").length === 2))
      yield* store.release("key", "1-a")
      assert.strictEqual(yield* Fiber.join(waiter), "done")
    }).pipe(Effect.scoped))

  it.live("report that they poll, and that they are notified again", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [one, other] = [yield* storeIn(path), yield* storeIn(path)]
      yield* acquire(one, "key", "1-a")
      const said: Array<string> = []
      const end = other.observe!({
        down: () => said.push("down"),
        up: () => said.push("up"),
        polling: (reason) => said.push(reason),
        told: () => said.push("told")
      })
      yield* seeCalls(path, (name) => {
        if (name === "watch") throw systemError("ENOSPC")
      }).pipe(
        Effect.andThen(waits(other, "key", "1-b")),
        Effect.andThen(eventually(Effect.sync(() => said.length > 0))),
        Effect.scoped
      )
      yield* waits(other, "key", "1-c")
      end()
      assert.deepStrictEqual(said, ["ENOSPC: as the test wants it", "told"])
    }).pipe(Effect.scoped))

  it.live("are notified even after the watch on their ticket has failed", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [one, other] = [yield* storeIn(path), yield* storeIn(path)]
      yield* acquire(one, "key", "1-a")
      const watchers: Array<fs.FSWatcher> = []
      const { watch } = fs
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          fs.watch = ((...args: Parameters<typeof watch>) => {
            const watcher = watch(...args)
            watchers.push(watcher)
            return watcher
          }) as typeof watch
          syncBuiltinESMExports()
        }),
        () =>
          Effect.sync(() => {
            fs.watch = watch
            syncBuiltinESMExports()
          })
      )
      const told = yield* waits(other, "key", "1-b")
      watchers[0].emit("error", systemError("EIO"))
      // It has asked to be asked, and is, as the engine does.
      assert.deepStrictEqual(told, [undefined])
      assert.strictEqual((yield* other.tryAcquire(claim("key", "1-b", 10_000, true)))._tag, "Held")
      yield* one.release("key", "1-a")
      yield* eventually(Effect.sync(() => told.length > 1))
      assert.strictEqual(told[1]?.leaseMillis, 10_000)
    }).pipe(Effect.scoped))

  it.live("go on waiting when something else has happened to their ticket", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [one, other] = [yield* storeIn(path), yield* storeIn(path)]
      yield* acquire(one, "key", "1-a")
      const told = yield* waits(other, "key", "1-b")
      const ticket = namesOf(path, "key").find((name) => name.startsWith("q"))!
      let looks = 0
      yield* seeCalls(path, (name) => {
        if (name === "readdirSync") looks++
      })
      utimesSync(`${path}/lock-key/${ticket}`, 1, 1)
      yield* eventually(Effect.sync(() => looks > 0))
      assert.deepStrictEqual(told, [])
      assert.include(namesOf(path, "key"), ticket)
      yield* one.release("key", "1-a")
      yield* eventually(Effect.sync(() => told.length > 0))
      assert.strictEqual(told[0]?.leaseMillis, 10_000)
    }).pipe(Effect.scoped))

  it.live("go on waiting, and can leave, when what has happened to their ticket could not be seen", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [one, other] = [yield* storeIn(path), yield* storeIn(path)]
      yield* acquire(one, "key", "1-a")
      const [leaving, staying] = [yield* waits(other, "key", "1-b"), yield* waits(other, "key", "1-c")]
      const tickets = () => namesOf(path, "key").filter((name) => name.startsWith("q"))
      const names = tickets()
      yield* seeCalls(path, (name) => {
        if (name === "readdirSync") throw systemError("EMFILE")
      }).pipe(
        Effect.andThen(Effect.sync(() => {
          for (const name of names) utimesSync(`${path}/lock-key/${name}`, 1, 1)
        })),
        Effect.andThen(eventually(Effect.sync(() => leaving.length > 0 && staying.length > 0))),
        Effect.scoped
      )
      yield* other.release("key", "1-b")
      assert.strictEqual(tickets().length, 1)
      yield* one.release("key", "1-a")
      yield* eventually(Effect.sync(() => staying.some((grant) => grant !== undefined)))
      assert.isTrue(leaving.every((grant) => grant === undefined))
    }).pipe(Effect.scoped))

  it.live("that are first when a grant is passed on get it, unless they have left by then", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const stores = [yield* storeIn(path), yield* storeIn(path)]
      yield* acquire(stores[0], "key", "1-a")
      const told: Array<ReadonlyArray<Grant | undefined>> = []
      for (const [i, token] of ["1-b", "1-c", "1-d", "1-e"].entries()) {
        told.push(yield* waits(stores[i % 2], "key", token))
      }
      yield* stores[0].release("key", "1-a")
      yield* eventually(Effect.sync(() => told[0].length > 0))
      // Who was seen to be the first of them leaves.
      yield* stores[1].release("key", "1-c")
      yield* stores[0].release("key", "1-b")
      yield* eventually(Effect.sync(() => told[2].length > 0))
      yield* waits(stores[0], "key", "1-f")
      assert.strictEqual(yield* holderOf(stores[0], "key"), "1-d")
      yield* stores[0].release("key", "1-d")
      yield* eventually(Effect.sync(() => told[3].length > 0))
      assert.deepStrictEqual(told.map(({ length }) => length), [1, 0, 1, 1])
    }).pipe(Effect.scoped))

  it.live("get the key when whoever granted it died before notifying them", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path)
      yield* acquire(store, "key", "1-a")
      const waiting = yield* storeIn(path)
      yield* waits(waiting, "key", "1-b")
      const { state } = Directory.look(`${path}/lock-key`)
      const given = State.make("g", state!.fence + 512, micros(), 60_000, "1-b", state!.owner)
      renameSync(`${path}/lock-key/${state!.name}`, `${path}/lock-key/${given.name}`)
      assert.strictEqual(yield* acquire(waiting, "key", "1-b"), given.fence)
      assert.deepStrictEqual(namesOf(path, "key").map((name) => name[0]), ["h"])
    }).pipe(Effect.scoped))
})
