/** Keys on the disk, whose they are, and who watches them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Scope } from "effect"
import { Lock } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import { spawnSync } from "node:child_process"
import fs, { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import * as Directory from "../../src/internal/file/directory.ts"
import * as Host from "../../src/internal/file/host.ts"
import * as State from "../../src/internal/file/state.ts"
import { withSkew } from "../support/clock.ts"
import { directory } from "../support/directory.ts"
import { seeCalls, systemError } from "./calls.ts"
import { acquire, claim, elsewhere, eventually, forgotten, holderOf, micros, namesOf, storeIn } from "./support.ts"

/** Puts a key's directory there with such a state. */
const write = (path: string, key: string, state: State.State) =>
  Effect.sync(() => {
    mkdirSync(`${path}/lock-${key}`, { recursive: true })
    for (const name of readdirSync(`${path}/lock-${key}`)) rmSync(`${path}/lock-${key}/${name}`)
    writeFileSync(`${path}/lock-${key}/${state.name}`, "")
  })

describe("a key on the disk", () => {
  it.live("is a directory with one empty file, and is removed when the store closes", () =>
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

  it.live("is removed when it has not been used for some time, unless it is held", () =>
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

  it.live("is removed when others left it behind, with whatever they were creating", () =>
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

  it.live("that is removed while it is being created cannot be put in place any more", () =>
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

  it.live("is read correctly while its state is renamed, when a listing has no name or two", () =>
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

  it.live("may be removed while it is held: the holder is told, and the next token is greater", () =>
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

describe("watchers", () => {
  it.live("are notified again after the key could not be read for a while", () =>
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

describe("watchers of a key that is created again", () => {
  it.live("are notified, even if its directory has the inode number of the old one", () =>
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
