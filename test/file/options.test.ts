import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer } from "effect"
import { Lock, LockBackend } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import { existsSync, statSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import * as Host from "../../src/internal/file/host.ts"
import { open } from "../../src/internal/file/options.ts"
import { keyName, keyOf } from "../../src/internal/file/paths.ts"
import { directory } from "../support/directory.ts"
import { seeCalls, systemError } from "./calls.ts"
import { storeIn } from "./support.ts"

const messageOf = (options: FileBackend.Options) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(FileBackend.layer(options)))), ({ message }) => message)

describe("the directory", () => {
  it.live("is made when it is missing, with those above it, for this user alone", () =>
    Effect.gen(function*() {
      const path = `${yield* directory}/a/b`
      yield* storeIn(path)
      assert.strictEqual(statSync(path).mode & 0o777, 0o700)
    }).pipe(Effect.scoped))

  it.live("can be given as a URL", () =>
    Effect.gen(function*() {
      const path = `${yield* directory}/with space`
      for (const url of [pathToFileURL(path), pathToFileURL(path).href]) {
        yield* FileBackend.makeStore({ directory: url })
        assert.isTrue(existsSync(path))
      }
    }).pipe(Effect.scoped))

  it.live("stays where it was when the process goes elsewhere", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const before = process.cwd()
      yield* Effect.addFinalizer(() => Effect.sync(() => process.chdir(before)))
      process.chdir(path)
      const store = yield* FileBackend.makeStore({ directory: "locks" })
      process.chdir(before)
      yield* store.tryAcquire({ key: "key", token: "1-a", expiresMillis: 1_000, wait: false })
      assert.isTrue(existsSync(`${path}/locks/lock-key`))
    }).pipe(Effect.scoped))

  it.live("that this user has no rights to is refused, with what helps", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* seeCalls(path, (name) => {
        if (name === "mkdirSync") throw systemError("EACCES")
      })
      assert.strictEqual(
        yield* messageOf({ directory: `${path}/locks` }),
        "file could not open (Unauthorized): EACCES: as the test wants it; give the directory to this user, or to a group of " +
          "all who share its locks"
      )
    }).pipe(Effect.scoped))

  it.live("that is something else is refused", () =>
    Effect.gen(function*() {
      const path = `${yield* directory}/file`
      writeFileSync(path, "")
      assert.match(yield* messageOf({ directory: path }), /^file could not open \(WrongType\)/)
      assert.match(yield* messageOf({ directory: `${path}/below` }), /^file could not open \(WrongType\)/)
    }).pipe(Effect.scoped))
})

describe("options", () => {
  const wrong: ReadonlyArray<readonly [options: object, message: RegExp]> = [
    [{}, /^Invalid lock option "directory": got undefined, expected the path of a directory, such as/],
    [{ directory: "" }, /^Invalid lock option "directory": got "", expected/],
    [{ directory: "file://host/locks" }, /^Invalid lock option "directory": got "file:\/\/host\/locks", expected/],
    [{ directory: "file:///locks#1" }, /^Invalid lock option "directory": got "file:\/\/\/locks#1", expected/],
    [
      { directory: new URL("file:///locks?a") },
      /^Invalid lock option "directory": got "file:\/\/\/locks\?a", expected/
    ],
    [{ directory: new URL("http://host/") }, /^Invalid lock option "directory": got "http:\/\/host\/", expected/],
    [
      { directory: "locks", poll: 0 },
      /^Invalid lock option "poll": got 0, expected a finite duration of at least 1 milli/
    ],
    [{ directory: "locks", poll: "Infinity" }, /^Invalid lock option "poll": got "Infinity", expected/],
    [{ directory: "locks", poll: "often" }, /^Invalid lock option "poll": got "often", expected/],
    [
      { directory: "locks", keepIdle: -1 },
      /^Invalid lock option "keepIdle": got -1, expected a finite duration of zero/
    ],
    [
      { directory: "locks", keepIdle: { seconds: NaN } },
      /^Invalid lock option "keepIdle": got {"seconds":"NaN"}, expected/
    ],
    [{ directory: "locks", keepIdle: NaN }, /^Invalid lock option "keepIdle": got NaN, expected/],
    [{ directory: "locks", detectDead: 1 }, /^Invalid lock option "detectDead": got a number, expected true or false/]
  ]
  it.live.each(wrong)("%o are refused before anything is made", ([options, message]) =>
    Effect.gen(function*() {
      assert.match(yield* messageOf(options as FileBackend.Options), message)
      assert.isFalse(existsSync("locks"))
    }))

  it.live("can come from the configuration", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const locks = FileBackend.layerConfig({
        directory: Config.String("LOCKS"),
        poll: Config.Duration("POLL")
      })
      const name = LockBackend.LockBackend.useSync((backend) => backend.name).pipe(
        Lock.withLock("key"),
        Effect.provide(locks)
      )
      const inEnvironment = (env: Record<string, string>) =>
        Effect.provide(name, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))
      assert.strictEqual(yield* inEnvironment({ LOCKS: path, POLL: "2 seconds" }), "file")
      assert.strictEqual((yield* Effect.flip(inEnvironment({ LOCKS: path })))._tag, "ConfigError")
    }).pipe(Effect.scoped))
})

describe("refused", () => {
  const clocks = { monotonic: 5_000, sinceProcessStart: 3, sinceHostStart: 5_000, offsets: undefined }
  const own = "monotonic           0         0\nboottime            0         0\n"

  it.live("is a clock that is not the host's", () =>
    Effect.gen(function*() {
      assert.isUndefined(Host.clockProblem(Host.readClocks()))
      assert.isUndefined(Host.clockProblem({ ...clocks, offsets: own }))
      // The host slept meanwhile; or started when the process did.
      assert.isUndefined(Host.clockProblem({ ...clocks, sinceHostStart: 90_000 }))
      assert.isUndefined(Host.clockProblem({ ...clocks, monotonic: 3.5, sinceHostStart: 4 }))
      assert.match(Host.clockProblem({ ...clocks, monotonic: 3.01 })!, /begins with the process/)
      assert.match(Host.clockProblem({ ...clocks, offsets: own.replace("0", "-86400") })!, /time namespace/)
      const path = `${yield* directory}/locks`
      const error = yield* Effect.flip(open(path, () => ({ ...clocks, monotonic: 3.01 })))
      assert.strictEqual(error.reason._tag === "BackendFailure" && error.reason.kind, "Unsupported")
      assert.isFalse(existsSync(path))
    }).pipe(Effect.scoped))

  it.runIf(process.platform === "linux")("is a file system of many hosts", () => {
    assert.match(Host.fileSystemProblem(0x6969)!, /^it is on NFS, which other hosts may write to/)
    assert.match(Host.fileSystemProblem(0xff534d42 | 0)!, /CIFS/)
    for (const local of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630]) {
      assert.isUndefined(Host.fileSystemProblem(local))
    }
  })
})

it("names of keys are safe, and different for different keys", () => {
  const keys = [
    "a",
    "A",
    "a/b",
    "..",
    "a b",
    "é",
    "e\u0301",
    "\ud800",
    "\ud801",
    "x".repeat(241),
    "x".repeat(5_000),
    "~",
    "a~"
  ]
  const names = keys.map(keyName)
  assert.strictEqual(new Set(names.map((name) => name.toLowerCase())).size, keys.length)
  for (const name of names) assert.match(name, /^lock-[a-z0-9_=-]{0,240}(~[0-9a-f]{40})?$/)
  assert.strictEqual(keyName("order-1_a"), "lock-order-1_a")
  assert.strictEqual(keyName("Order:é€"), "lock-=4frder=3a=e9==20ac")
  // A name says its key, unless that is long, or the name is none of ours.
  const read = keys.map((key) => keyOf(keyName(key)))
  assert.deepStrictEqual(read, keys.map((key) => key.length > 240 ? undefined : key))
  for (const name of ["lock-", "lock-A", "lock-=41=", "lock-=61", "lock-==0041", ".fence", "data"]) {
    assert.isUndefined(keyOf(name))
  }
})
