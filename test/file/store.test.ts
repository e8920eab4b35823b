import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope } from "effect"
import { Lock, LockBackend } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import type { Grant } from "effect-lock/LockStore"
import { spawnSync } from "node:child_process"
import fs, { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import * as Directory from "../../src/internal/file/directory.ts"
import * as Host from "../../src/internal/file/host.ts"
import * as State from "../../src/internal/file/state.ts"
import { withSkew } from "../support/clock.ts"
import { directory } from "../support/directory.ts"
import { punctual } from "../support/punctual.ts"
import { type CallName, seeCalls, systemError } from "./calls.ts"
import { acquire, claim, eventually, holderOf, namesOf, storeIn } from "./support.ts"

/** A store that is never closed, as one in a process that was killed. */
const forgotten = (path: string, options?: Omit<FileBackend.Options, "directory">) =>
  Effect.flatMap(Scope.make(), (scope) => Scope.provide(storeIn(path, options), scope))

/** Another process, in another container: nobody here knows whether it is gone. */
const elsewhere = "1-1-1"

const micros = () => Number(process.hrtime.bigint() / 1000n)

/** Puts a key's directory there with such a state. */
const write = (path: string, key: string, state: State.State) =>
  Effect.sync(() => {
    mkdirSync(`${path}/lock-${key}`, { recursive: true })
    for (const name of readdirSync(`${path}/lock-${key}`)) rmSync(`${path}/lock-${key}/${name}`)
    writeFileSync(`${path}/lock-${key}/${state.name}`, "")
  })

/** Waits for the key with a ticket, and is told. */
const waits = Effect.fnUntraced(
  function*(store: Effect.Success<ReturnType<typeof storeIn>>, key: string, token: string) {
    const told: Array<Grant | undefined> = []
    yield* store.listen!(key, token, (grant) => told.push(grant))
    assert.strictEqual((yield* store.tryAcquire(claim(key, token, 10_000, true)))._tag, "Held")
    return told
  }
)

describe("a key on the disk", () => {
  it.live("is a directory with one empty file, and leaves when the store closes", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const scope = yield* Scope.make()
      const store = yield* Scope.provide(storeIn(path), scope)
      yield* acquire(store, "key", "1-a.x")
      assert.match(namesOf(path, "key").join(), new RegExp(`^h,\\d{16},\\d+,10000,1-a\\.x,\\d+-${process.pid}-\\d+$`))
      yield* store.release("key", "1-a.x")
      assert.match(namesOf(path, "key").join(), /^f,\d{16},\d+,0,1-a\.x,\d+-\d+-\d+$/)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(readdirSync(path), [".fence"])
    }).pipe(Effect.scoped))

  it.live("leaves when it was not used for some time, and a held one does not", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path, { keepIdle: 50 })
      yield* acquire(store, "held", "1-a")
      for (const key of ["a", "b", "c"]) {
        yield* acquire(store, key, "1-b")
        yield* store.release(key, "1-b")
      }
      yield* eventually(Effect.sync(() => readdirSync(path).length === 2))
      assert.deepStrictEqual(readdirSync(path), [".fence", "lock-held"])
    }).pipe(Effect.scoped))

  it.live("leaves also when others left it behind, with whatever they were making", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const dead = yield* forgotten(path)
      yield* acquire(dead, "held", "1-a")
      yield* acquire(dead, "ended", "1-b", 1)
      yield* acquire(dead, "free", "1-c")
      yield* dead.release("free", "1-c")
      mkdirSync(`${path}/.new-old`)
      utimesSync(`${path}/.new-old`, 1, 1)
      mkdirSync(`${path}/.new-young`)
      writeFileSync(`${path}/something-else`, "")
      yield* storeIn(path, { keepIdle: 100 })
      yield* eventually(Effect.sync(() => readdirSync(path).length === 4))
      assert.deepStrictEqual(readdirSync(path), [".fence", ".new-young", "lock-held", "something-else"])
    }).pipe(Effect.scoped))

  it.live("in the making that is cleared away cannot be put in place any more", () =>
    Effect.gen(function*() {
      const path = yield* directory
      mkdirSync(`${path}/.new-old`)
      utimesSync(`${path}/.new-old`, 1, 1)
      let puts = 0
      yield* seeCalls(path, (name) => {
        if (name !== "rmSync") return
        // Whoever was making it has stood still until now, when it is about to be removed bit by bit.
        try {
          renameSync(`${path}/.new-old`, `${path}/lock-key`)
        } catch {
          puts++
        }
      })
      yield* storeIn(path, { keepIdle: 20 })
      yield* eventually(Effect.sync(() => puts > 0 || existsSync(`${path}/lock-key`)))
      assert.isFalse(existsSync(`${path}/lock-key`))
    }).pipe(Effect.scoped))

  it.live("is not confused with anything else that is there", () =>
    Effect.gen(function*() {
      const path = yield* directory
      mkdirSync(`${path}/lock-a`)
      writeFileSync(`${path}/lock-a/data`, "")
      writeFileSync(`${path}/lock-b`, "")
      const store = yield* storeIn(path)
      for (const key of ["a", "b"]) {
        const failure = yield* Effect.flip(store.tryAcquire(claim(key, "1-a")))
        assert.deepStrictEqual([failure.kind, failure.retryable], ["WrongType", false])
        assert.strictEqual((yield* Effect.flip(store.inspect(key))).kind, "WrongType")
      }
      assert.deepStrictEqual(readdirSync(`${path}/lock-a`), ["data"])
      // Beside a state it does not matter.
      yield* acquire(store, "c", "1-a")
      writeFileSync(`${path}/lock-c/.DS_Store`, "")
      assert.strictEqual(yield* holderOf(store, "c"), "1-a")
    }).pipe(Effect.scoped))

  it.live("is seen right while its name changes, when a listing has none or two", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path)
      const at = micros()
      const held = State.make("h", 5, at, 60_000, "1-a", elsewhere)
      const longer = State.make("h", 5, at + 1, 60_000, "1-a", elsewhere)
      const free = State.make("f", 5, at + 2, 0, "1-a", elsewhere)
      const next = State.make("h", 6, at, 60_000, "1-b", elsewhere)
      for (const [older, newer] of [[held, longer], [longer, free], [free, next]]) {
        for (const order of [[older, newer], [newer, older]]) {
          yield* write(path, "key", order[0])
          writeFileSync(`${path}/lock-key/${order[1].name}`, "")
          assert.deepStrictEqual(Directory.look(`${path}/lock-key`).state, newer)
        }
      }
      // None: whoever was removing it died in between. Tickets alone are as good as none.
      rmSync(`${path}/lock-key`, { recursive: true })
      mkdirSync(`${path}/lock-key`)
      writeFileSync(`${path}/lock-key/${State.make("q", 0, at, 1_000, "1-c", elsewhere).name}`, "")
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      assert.isFalse(existsSync(`${path}/lock-key`))
      yield* acquire(store, "key", "1-d")
    }).pipe(Effect.scoped))

  it.live("may go while it is held: the holder is told, and the next token is greater", () =>
    Effect.gen(function*() {
      const path = yield* directory
      let fence = 0
      const work = (lease: Lock.Lease) => {
        fence = lease.fencingToken
        rmSync(path, { recursive: true })
        return Effect.never
      }
      const reason = yield* Lock.withLock(work, "key", { expires: "1 second" }).pipe(
        Effect.catchTag("LockError", (error) => Effect.succeed(error.reason._tag)),
        Effect.provide(FileBackend.layer({ directory: path }))
      )
      assert.strictEqual(reason, "LockLost")
      const store = yield* storeIn(path)
      rmSync(path, { recursive: true })
      assert.isAbove(yield* acquire(store, "key", "1-b"), fence)
    }).pipe(Effect.scoped))
})

describe("the owner of a state", () => {
  const [where, id, begin] = Host.self.split("-")

  it.live("is gone when no process has its id, or one that began at another time", () =>
    Effect.gen(function*() {
      assert.isFalse(Host.isGone(Host.self))
      const { pid } = spawnSync("true")
      assert.isTrue(Host.isGone(`${where}-${pid}-${begin}`))
      if (process.platform === "linux") assert.isTrue(Host.isGone(`${where}-${id}-1`))
      // So a lock is free after the host has started anew, whoever has the id now.
      const path = yield* directory
      const store = yield* storeIn(path)
      yield* write(path, "key", State.make("h", 5, 0, 1e12, "1-a", `${where}-${id}-1`))
      if (process.platform === "linux") yield* acquire(store, "key", "1-b")
    }).pipe(Effect.scoped))

  it.live("may be there although it is not known, another user's, or in another container", () =>
    Effect.gen(function*() {
      assert.isFalse(Host.isGone(elsewhere))
      assert.isFalse(Host.isGone(""))
      assert.isFalse(Host.isGone(`${where}-${id}`))
      const { kill } = process
      yield* Effect.addFinalizer(() => Effect.sync(() => process.kill = kill))
      process.kill = () => {
        throw systemError("EPERM")
      }
      assert.isFalse(Host.isGone(`${where}-${id}-${begin}`))
    }).pipe(Effect.scoped))
})

describe("clocks", () => {
  it.live("of the wall do not matter, whichever way they jump", () =>
    Effect.gen(function*() {
      const path = yield* directory
      let jump = 0
      const skewed = withSkew({ wall: () => jump })
      const [one, other] = [yield* storeIn(path), yield* skewed(storeIn(path, { keepIdle: 20 }))]
      const hour = 3_600_000
      let last = yield* acquire(one, "key", "1-a")
      for (jump of [hour, -hour, 365 * -24 * hour, 24 * hour, 300 * 365 * 24 * hour, 0]) {
        assert.strictEqual((yield* other.tryAcquire(claim("key", "1-b")))._tag, "Held")
        yield* one.release("key", "1-a")
        const between = yield* acquire(other, "key", "1-b")
        assert.isAbove(between, last)
        yield* other.release("key", "1-b")
        // Gone from the disk and made anew, it still goes on from there.
        yield* eventually(Effect.sync(() => !existsSync(`${path}/lock-key`)))
        const before = last = between
        last = yield* acquire(one, "key", "1-a")
        assert.isAbove(last, before)
        assert.isTrue(Number.isSafeInteger(last))
      }
    }).pipe(Effect.scoped))

  it.live("that have begun anew since end every lease, and no fencing token falls", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const start = -micros() / 1000 + 60_000
      const before = yield* acquire(yield* forgotten(path), "key", "1-a", 3_600_000)
      const store = yield* withSkew({ monotonic: () => start, wall: () => -3_600_000 })(storeIn(path))
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      assert.isAbove(yield* acquire(store, "key", "1-b"), before)
    }).pipe(Effect.scoped))

  it.live("of two processors may differ a little", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [one, other] = [yield* storeIn(path), yield* withSkew({ monotonic: () => -900 })(storeIn(path))]
      yield* acquire(one, "key", "1-a", 3_600_000)
      assert.strictEqual((yield* other.tryAcquire(claim("key", "1-b")))._tag, "Held")
    }).pipe(Effect.scoped))
})

describe("those who wait", () => {
  it.live("are given the key in their order, each woken by whoever gives it back", () =>
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

  it.live("and are stopped cost the next one a second together, and keep nobody's place but their own", () =>
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

  it.live("and have left without a word are not given the key", () =>
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

  it.live("come by themselves where the system has no watch left for them", () =>
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

  it.live("say that they come by themselves, and that they are told again", () =>
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

  it.live("are told also after the watch on their ticket has failed", () =>
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

  it.live("wait on when something else has happened to their ticket", () =>
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

  it.live("wait on, and can leave, when what has happened to their ticket could not be seen", () =>
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

  it.live("and are first when the key is given on again have it, unless they have left by then", () =>
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

  it.live("have the key when whoever gave it to them died before telling", () =>
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

describe("those who look", () => {
  it.live("hear on when the key could not be looked at for a while", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path)
      yield* acquire(store, "key", "1-a")
      let heard = 0
      yield* store.watch!("key", () => heard++)
      let refused = 0
      yield* seeCalls(path, (name) => {
        if (name !== "statSync") return
        refused++
        throw systemError("EACCES")
      }).pipe(
        Effect.andThen(store.extend(claim("key", "1-a"))),
        Effect.andThen(eventually(Effect.sync(() => refused > 0 && heard > 0))),
        // One can also begin to while that is so.
        Effect.andThen(Effect.scoped(store.watch!("key", () => {}))),
        Effect.scoped
      )
      // Whatever it has been told of by now, of what comes next it is told, too.
      yield* Effect.sleep("50 millis")
      heard = 0
      yield* store.release("key", "1-a")
      yield* eventually(Effect.sync(() => heard > 0))
    }).pipe(Effect.scoped))
})

describe("those who look at a key that comes again", () => {
  it.live("hear of it, though its directory has the number of the one before", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* storeIn(path)
      yield* acquire(store, "key", "1-a")
      const { statSync } = fs
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          Object.assign(fs, {
            statSync: (...args: Parameters<typeof statSync>) => {
              const stat = statSync(...args)
              return stat && Object.assign(stat, { ino: 1 })
            }
          })
          syncBuiltinESMExports()
        }),
        () =>
          Effect.sync(() => {
            Object.assign(fs, { statSync })
            syncBuiltinESMExports()
          })
      )
      let heard = 0
      yield* store.watch!("key", () => heard++)
      yield* Effect.sleep("20 millis")
      rmSync(`${path}/lock-key`, { recursive: true })
      yield* acquire(yield* storeIn(path), "key", "1-b")
      yield* eventually(Effect.sync(() => heard > 0))
      yield* Effect.sleep("50 millis")
      heard = 0
      yield* store.release("key", "1-b")
      yield* eventually(Effect.sync(() => heard > 0))
    }).pipe(Effect.scoped))
})

describe("a process that dies", () => {
  class Crash extends Error {}

  /** Makes a store whose process dies before its n-th call from now on; undefined when it lives longer. */
  const crashing = (
    path: string,
    n: number,
    act: (store: Effect.Success<ReturnType<typeof storeIn>>) => Effect.Effect<unknown, unknown>
  ) =>
    Effect.gen(function*() {
      const store = yield* forgotten(path)
      let calls = 0
      const seen: Array<CallName> = []
      yield* seeCalls(path, (name) => {
        if (++calls > n) throw new Crash()
        seen.push(name)
      })
      yield* Effect.exit(act(store))
      return calls > n ? seen : undefined
    }).pipe(Effect.scoped)

  const attempt = (wait: boolean) => (store: Effect.Success<ReturnType<typeof storeIn>>) =>
    store.tryAcquire(claim("key", "1-dead", 60, wait))

  const share = (
    store: Effect.Success<ReturnType<typeof storeIn>>,
    token: string,
    expires: number,
    permits = 1,
    wait = false
  ) => store.tryAcquire({ ...claim("key", token, expires, wait), share: { permits, limit: 3 } })

  let given: Effect.Success<ReturnType<typeof storeIn>>

  const acts: Record<string, {
    readonly before: (path: string) => Effect.Effect<unknown, unknown, Scope.Scope>
    readonly act: Parameters<typeof crashing>[2]
  }> = {
    "making a key": { before: () => Effect.void, act: attempt(false) },
    "taking a free key": {
      before: (path) =>
        Effect.gen(function*() {
          const store = yield* forgotten(path)
          yield* acquire(store, "key", "1-before")
          yield* store.release("key", "1-before")
        }),
      act: attempt(false)
    },
    "waiting": {
      before: (path) => Effect.flatMap(forgotten(path), (store) => acquire(store, "key", "1-before", 60)),
      act: attempt(true)
    },
    "giving back": {
      before: () => Effect.void,
      act: (store) => Effect.andThen(attempt(false)(store), store.release("key", "1-dead"))
    },
    "giving to another": {
      before: (path) =>
        Effect.gen(function*() {
          yield* acquire(yield* forgotten(path), "key", "1-dead", 60)
          const ticket = State.make("q", 0, micros(), 60, "1-waiting", elsewhere)
          writeFileSync(`${path}/lock-key/${ticket.name}`, "")
        }),
      act: (store) => store.release("key", "1-dead")
    },
    "giving on what it was given": {
      before: (path) =>
        Effect.gen(function*() {
          const holder = yield* forgotten(path)
          yield* acquire(holder, "key", "1-before", 60_000)
          given = yield* forgotten(path)
          let told = 0
          yield* given.listen!("key", "1-dead", () => told++)
          yield* given.tryAcquire(claim("key", "1-dead", 500, true))
          const ticket = State.make("q", 0, micros(), 60, "1-waiting", elsewhere)
          writeFileSync(`${path}/lock-key/${ticket.name}`, "")
          yield* holder.release("key", "1-before")
          yield* eventually(Effect.sync(() => told > 0))
        }),
      act: () => given.release("key", "1-dead")
    },
    "sharing beside another": {
      before: (path) => Effect.flatMap(forgotten(path), (store) => share(store, "1-before", 60)),
      act: (store) => share(store, "1-dead", 60)
    },
    "waiting to share": {
      before: (path) => Effect.flatMap(forgotten(path), (store) => share(store, "1-before", 60, 3)),
      act: (store) => share(store, "1-dead", 60, 1, true)
    },
    "having its share longer": {
      before: (path) => Effect.flatMap(forgotten(path), (store) => share(store, "1-before", 60)),
      act: (store) =>
        Effect.andThen(share(store, "1-dead", 60), store.extend({ key: "key", token: "1-dead", expiresMillis: 60 }))
    },
    "giving a share to others": {
      before: (path) =>
        Effect.gen(function*() {
          yield* share(yield* forgotten(path), "1-dead", 60, 3)
          for (const i of [1, 2, 3, 4]) {
            const limit = { permits: 1, limit: 3 }
            const ticket = State.make("q", 0, micros(), 60, `1-waiting.${i}`, elsewhere, limit)
            writeFileSync(`${path}/lock-key/${ticket.name}`, "")
          }
        }),
      act: (store) => store.release("key", "1-dead")
    },
    "removing": {
      before: (path) =>
        Effect.gen(function*() {
          const store = yield* forgotten(path)
          yield* acquire(store, "key", "1-before")
          yield* store.release("key", "1-before")
        }),
      act: () => Effect.void
    }
  }

  for (const [name, { act, before }] of Object.entries(acts)) {
    it.live(`at any moment of ${name} leaves a key that the next one gets`, () =>
      Effect.gen(function*() {
        let deaths = 0
        for (let n = 0;; n++) {
          const died = yield* Effect.gen(function*() {
            const path = yield* directory
            yield* before(path)
            const last = existsSync(`${path}/lock-key`) ? Directory.look(`${path}/lock-key`).state?.fence ?? 0 : 0
            const removing = Effect.gen(function*() {
              const scope = yield* Scope.make()
              const store = yield* Scope.provide(storeIn(path), scope)
              yield* acquire(store, "key", "1-dead", 60)
              yield* store.release("key", "1-dead")
              yield* Scope.close(scope, Exit.void)
            })
            const died = yield* crashing(path, n, name === "removing" ? () => removing : act)
            const next = yield* storeIn(path)
            let fence = 0
            yield* eventually(
              Effect.map(next.tryAcquire(claim("key", "1-next")), (attempt) => {
                if (attempt._tag === "Acquired") fence = attempt.fencingToken
                return attempt._tag === "Acquired"
              })
            )
            assert.isAbove(fence, last)
            assert.strictEqual(namesOf(path, "key").filter((file) => !file.startsWith("q")).length, 1, `${died}`)
            assert.isTrue(yield* next.release("key", "1-next"))
            return died !== undefined
          }).pipe(Effect.scoped)
          if (!died) break
          deaths++
        }
        assert.isAbove(deaths, 0)
      }))
  }
})
