/** Real processes: killed, in namespaces of their own, all at one moment, and in trouble with the disk. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Lock } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, utimesSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { bundled } from "../support/bundled.ts"
import { directory } from "../support/directory.ts"
import { punctual } from "../support/punctual.ts"
import { kill } from "../support/server.ts"
import { acquire, claim, eventually, holderOf, namesOf, storeIn } from "./support.ts"

const script = bundled(new URL("./worker.ts", import.meta.url))
const runtime = fileURLToPath(new URL("./runtime.ts", import.meta.url))

/** A worker, run by `command`, killed with the scope. */
const worker = (
  what: string,
  options: object,
  command: ReadonlyArray<string> = [process.execPath]
) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.map(script, (script) =>
        spawn(command[0], [...command.slice(1), script, what, JSON.stringify(options)], {
          stdio: ["pipe", "pipe", "inherit"]
        })),
      (child) => kill(child)
    ),
    (child) => {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      return {
        child,
        line: Effect.promise(async () => JSON.parse(String((await lines.next()).value ?? "\"nothing\""))),
        exited: eventually(Effect.sync(() => child.exitCode !== null))
      }
    }
  )

/** Needs the rights of an administrator, and Linux. */
const canUnshare = (...args: ReadonlyArray<string>): boolean => {
  const can = spawnSync("unshare", [...args, "true"]).status === 0
  if (!can) console.warn(`unshare ${args.join(" ")} is not possible here: its tests do not run`)
  return can
}

const attempt = (path: string, options: object = {}) =>
  Lock.withLock(Effect.succeed("taken"), "key", { timeout: 0 }).pipe(
    Effect.catchReason("LockError", "LockTimeout", () => Effect.succeed("held")),
    Effect.provide(FileBackend.layer({ directory: path, ...options }))
  )

describe("a holder that is killed", () => {
  it.live("is replaced at once by one who comes, long before its lease ends", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const holder = yield* worker("hold", { directory: path })
      assert.strictEqual(yield* holder.line, "held")
      assert.strictEqual(yield* attempt(path), "held")
      yield* kill(holder.child)
      assert.strictEqual(yield* attempt(path, { detectDead: false }), "held")
      assert.strictEqual(yield* attempt(path), "taken")
    }).pipe(Effect.scoped))

  it.live("is replaced by one who waits already", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const holder = yield* worker("hold", { directory: path, expires: "1 hour" })
      assert.strictEqual(yield* holder.line, "held")
      const waiter = yield* Lock.withLock(Effect.void, "key", { timeout: "Infinity" }).pipe(
        Effect.provide(FileBackend.layer({ directory: path })),
        Effect.forkChild({ startImmediately: true })
      )
      yield* eventually(Effect.sync(() => namesOf(path, "key").length === 2))
      yield* kill(holder.child)
      yield* eventually(Effect.sync(() => waiter.pollUnsafe() !== undefined))
    }).pipe(Effect.scoped))

  it.live("is replaced, too, when its parent takes no note of that", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const careless = ["sh", "-c", `"$@" & exec sleep 600`, "sh", process.execPath]
      const holder = yield* worker("hold", { directory: path, expires: "1 hour" }, careless)
      assert.strictEqual(yield* holder.line, "held")
      const id = Number(/,\d+-(\d+)-\d+$/.exec(namesOf(path, "key")[0])![1])
      assert.notStrictEqual(id, holder.child.pid)
      process.kill(id, "SIGKILL")
      yield* eventually(Effect.map(attempt(path), (is) => is === "taken"))
      // It has no other end than this: there is a process of its id still.
      assert.isTrue(process.kill(id, 0))
    }).pipe(Effect.scoped))

  it.live.skipIf(!canUnshare("-p", "-f"))(
    "where process ids count otherwise, keeps the key for its lease",
    () =>
      Effect.gen(function*() {
        const path = yield* directory
        const holder = yield* worker("hold", { directory: path, expires: "2 seconds" }, [
          "unshare",
          "-p",
          "-f",
          "--kill-child",
          process.execPath
        ])
        assert.strictEqual(yield* holder.line, "held")
        // Its id is that of another process here, or of none.
        assert.strictEqual(yield* attempt(path), "held")
        const store = yield* storeIn(path)
        const token = yield* holderOf(store, "key")
        yield* kill(holder.child)
        assert.strictEqual(yield* holderOf(store, "key"), token)
        yield* eventually(Effect.map(attempt(path), (is) => is === "taken"))
      }).pipe(punctual(100))
  )
})

describe("a process that shares a key", () => {
  const permit = (path: string, options: object = {}) =>
    Lock.withPermits(Effect.succeed("taken"), "key", { limit: 2, timeout: 0 }).pipe(
      Effect.catchReason("LockError", "LockTimeout", () => Effect.succeed("held")),
      Effect.provide(FileBackend.layer({ directory: path, ...options }))
    )

  /** One who shares, and in front of those who wait one who wants the key alone, which it cannot have. */
  const queued = Effect.gen(function*() {
    const path = yield* directory
    const holder = yield* worker("hold", { directory: path, limit: 2 })
    assert.strictEqual(yield* holder.line, "held")
    const first = yield* worker("hold", { directory: path })
    yield* eventually(Effect.sync(() => namesOf(path, "key").some((name) => name.startsWith("q"))))
    assert.strictEqual(yield* permit(path), "held")
    return { path, holder, first }
  })

  it.live("and is killed frees its part at once, and the others keep theirs", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const holders = yield* Effect.forEach([1, 2], () => worker("hold", { directory: path, limit: 2 }))
      for (const { line } of holders) assert.strictEqual(yield* line, "held")
      assert.strictEqual(yield* permit(path), "held")
      yield* kill(holders[0].child)
      assert.strictEqual(yield* permit(path, { detectDead: false }), "held")
      assert.strictEqual(yield* permit(path), "taken")
      assert.strictEqual(yield* attempt(path), "held")
      yield* kill(holders[1].child)
      assert.strictEqual(yield* attempt(path), "taken")
    }).pipe(Effect.scoped))

  it.live("and stands still while it waits in front does not hold up the others for good", () =>
    Effect.gen(function*() {
      const { first, holder, path } = yield* queued
      first.child.kill("SIGSTOP")
      const behind = Lock.withPermits(Effect.void, "key", { limit: 2, timeout: "Infinity" })
      yield* Effect.provide(behind, FileBackend.layer({ directory: path }))
      // And has its turn when it is back.
      first.child.kill("SIGCONT")
      yield* kill(holder.child)
      assert.strictEqual(yield* first.line, "held")
    }).pipe(Effect.scoped))

  it.live("and stands still while it waits in front does not hold up those who do not wait for good", () =>
    Effect.gen(function*() {
      const { first, path } = yield* queued
      first.child.kill("SIGSTOP")
      const store = yield* storeIn(path)
      const share = { permits: 1, limit: 2 }
      const asking = store.tryAcquire({ ...claim("key", "1-a"), share })
      yield* eventually(Effect.map(asking, ({ _tag }) => _tag === "Acquired"))
    }).pipe(Effect.scoped))

  it.live("while it is killed as one of those who wait in front lets in those behind", () =>
    Effect.gen(function*() {
      const { first, path } = yield* queued
      yield* kill(first.child)
      assert.strictEqual(yield* permit(path), "taken")
    }).pipe(Effect.scoped))
})

describe("a lock that outlives its process", () => {
  it.live("is for whoever has the ticket, and is listed meanwhile", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const leaver = yield* worker("leave", { directory: path })
      const ticket = yield* Schema.decodeUnknownEffect(Lock.Ticket)(yield* leaver.line)
      yield* leaver.exited
      assert.strictEqual(yield* attempt(path), "held")
      yield* Effect.gen(function*() {
        const held = yield* Stream.runCollect(Lock.list())
        assert.deepStrictEqual(held.map(({ key }) => key), ["key"])
        const lease = yield* Effect.scoped(Lock.adopt(ticket))
        assert.isAtLeast(lease.fencingToken, 1)
        const again = yield* Effect.flip(Effect.scoped(Lock.adopt(ticket)))
        assert.strictEqual(again.reason._tag, "LockLost")
        assert.deepStrictEqual(yield* Stream.runCollect(Lock.list()), [])
      }).pipe(Effect.provide(FileBackend.layer({ directory: path })))
      assert.strictEqual(yield* attempt(path), "taken")
    }).pipe(Effect.scoped))

  it.live("stays taken for as long as it was asked to, though nobody is there", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const begun = performance.now()
      const brief = yield* worker("brief", { directory: path, atLeast: "4 seconds" })
      assert.strictEqual(yield* brief.line, "done")
      yield* brief.exited
      yield* eventually(Effect.map(attempt(path), (is) => is === "taken"))
      assert.isAtLeast(performance.now() - begun, 4_000)
    }).pipe(Effect.scoped))
})

describe("a process", () => {
  it.live("is not kept alive by a store that nobody closes", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const child = yield* worker("once", { directory: path })
      assert.strictEqual(yield* child.line, "done")
      yield* child.exited
      assert.strictEqual(child.child.exitCode, 0)
      assert.strictEqual(yield* attempt(path), "taken")
    }).pipe(Effect.scoped))

  it.live.skipIf(!canUnshare("-T", "-f", "--monotonic", "1000"))(
    "whose clock is not the host's is refused",
    () =>
      Effect.gen(function*() {
        const path = yield* directory
        const child = yield* worker("open", { directory: path }, [
          "unshare",
          "-T",
          "-f",
          "--kill-child",
          "--monotonic",
          "1000",
          process.execPath
        ])
        assert.match(yield* child.line, /^file could not open \(Unsupported\): this process is in a time namespace/)
      }).pipe(Effect.scoped)
  )

  for (const [name, command] of [["bun", ["run"]], ["deno", ["run", "-A"]]] as const) {
    const isThere = spawnSync(name, ["--version"]).status === 0
    if (!isThere) console.warn(`${name} is not installed: its test does not run`)
    it.live.skipIf(!isThere)(
      `of ${name} is refused, because its clock is not the host's`,
      () =>
        Effect.gen(function*() {
          const { stderr, stdout } = spawnSync(name, [...command, runtime, yield* directory], { encoding: "utf8" })
          assert.match(stdout, /^"file could not open \(Unsupported\): this runtime's monotonic clock/, stderr)
        }).pipe(Effect.scoped)
    )
  }
})

describe("many at once", () => {
  const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)

  /** How many keys were given to two or more of four processes that want them all at one moment. */
  const givenToMany = (path: string, properly: boolean) =>
    Effect.gen(function*() {
      const workers = yield* Effect.forEach([1, 2, 3, 4], () => worker("stale", { directory: path, keys, properly }), {
        concurrency: "unbounded"
      })
      for (const { line } of workers) assert.strictEqual(yield* line, "ready")
      const at = Number(process.hrtime.bigint()) + 300_000_000
      for (const { child } of workers) child.stdin.write(`[${at}]\n`)
      const taken: Array<string> = (yield* Effect.forEach(workers, ({ line }) => line)).flat()
      // A library that gives some to two may give some to nobody.
      if (!properly) { for (const key of keys) assert.include(taken, key) }
      return taken.length - new Set(taken).size
    }).pipe(Effect.scoped)

  it.live("take what somebody left behind, each key one of them", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const dead = yield* storeIn(path)
      for (const key of keys) yield* acquire(dead, key, "1-dead", 1)
      assert.strictEqual(yield* givenToMany(path, false), 0)
    }).pipe(Effect.scoped))

  it.live("take it twice by proper-lockfile, as seen here", () =>
    Effect.gen(function*() {
      // Most often at the first try.
      for (let i = 0; i < 20; i++) {
        const path = yield* directory
        for (const key of keys) {
          mkdirSync(`${path}/${key}.lock`)
          utimesSync(`${path}/${key}.lock`, 1, 1)
        }
        if ((yield* givenToMany(path, true)) > 0) return
      }
      assert.fail("the test sees nothing")
    }).pipe(Effect.scoped))

  it.live("have keys that come and go for themselves, in the order of their fencing tokens", () =>
    Effect.gen(function*() {
      const [path, witness] = [yield* directory, yield* directory]
      const options = { directory: path, witness, keys: 40, millis: 3_000 }
      const workers = yield* Effect.forEach([1, 2, 3], () => worker("churn", options), { concurrency: "unbounded" })
      const results = yield* Effect.forEach(workers, ({ line }) => line)
      let created = 0
      for (const { created: own, turns, ...wrong } of results) {
        assert.deepStrictEqual(wrong, { overlaps: 0, disorder: 0, lost: 0 })
        assert.isAbove(turns, 0)
        created += own
      }
      assert.isAbove(created, 2 * options.keys)
      for (const { exited } of workers) yield* exited
      assert.deepStrictEqual(readdirSync(path).filter((name) => name.startsWith(".new")), [])
    }).pipe(Effect.scoped))
})

describe("a directory", () => {
  const mounted = [
    "unshare",
    "-m",
    "sh",
    "-c",
    `mount -t tmpfs -o size=2m,nr_inodes=60 tmpfs "$0" && exec "$@"`
  ]
  const troubled = (trouble: string) =>
    Effect.gen(function*() {
      const path = yield* directory
      const child = yield* worker("trouble", { directory: `${path}/locks`, trouble }, [
        ...mounted,
        path,
        process.execPath
      ])
      return yield* child.line
    }).pipe(Effect.scoped)

  /** Who could not give it back has it still. */
  const afterwards = (isHeld: boolean) => ({ takes: "Acquired", makes: "Acquired", extends: isHeld })

  const tests = canUnshare("-m") ? it.live : it.live.skip

  tests("on a full disk keeps what it has, and everything goes on but new keys", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* troubled("full"), [{
        opens: "OutOfMemory",
        looks: "1-holder",
        waits: "Held",
        takes: "Acquired",
        makes: "OutOfMemory",
        extends: true,
        releases: true
      }, afterwards(false)])
    }))

  tests("that is read only can be looked at", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* troubled("read only"), [{
        opens: "ReadOnly",
        looks: "1-holder",
        waits: "Held",
        takes: "ReadOnly",
        makes: "ReadOnly",
        extends: "ReadOnly",
        releases: "ReadOnly"
      }, afterwards(true)])
    }))

  tests("of another user is closed", () =>
    Effect.gen(function*() {
      const [all, later] = yield* troubled("of another user")
      assert.deepStrictEqual(Object.values(all), Array.from({ length: 7 }, () => "Unauthorized"))
      assert.deepStrictEqual(later, afterwards(true))
    }))

  tests("that a container has at another path, with process ids of its own, is the same", () =>
    Effect.gen(function*() {
      const [path, elsewhere] = [yield* directory, yield* directory]
      const container = (what: string) =>
        worker(what, { directory: elsewhere, expires: "2 seconds" }, [
          "unshare",
          "-m",
          "-p",
          "-f",
          "--kill-child",
          "sh",
          "-c",
          `mount --bind "$0" "$1" && shift && exec "$@"`,
          path,
          elsewhere,
          process.execPath
        ])
      const waits = yield* Effect.gen(function*() {
        const waiting = yield* container("once")
        yield* eventually(Effect.sync(() => namesOf(path, "key").some((name) => name.startsWith("q"))))
        return waiting
      }).pipe(Lock.withLock("key", { expires: "1 hour" }), Effect.provide(FileBackend.layer({ directory: path })))
      assert.strictEqual(yield* waits.line, "done")
      const holder = yield* container("hold")
      assert.strictEqual(yield* holder.line, "held")
      assert.strictEqual(yield* attempt(path), "held")
      yield* kill(holder.child)
      yield* eventually(Effect.map(attempt(path), (is) => is === "taken"))
    }).pipe(punctual(100)))
})
