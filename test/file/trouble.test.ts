/** What the system says no to, by its code: what it is called, and how locks go on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { Lock, LockBackend } from "effect-lock"
import type { BackendFailure } from "effect-lock/LockError"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { directory } from "../support/directory.ts"
import { seeCalls, systemError } from "./calls.ts"
import { acquire, claim, eventually, storeIn } from "./support.ts"

const kinds = {
  EACCES: "Unauthorized, for good",
  EPERM: "Unauthorized, for good",
  EROFS: "ReadOnly, for good",
  ENOSPC: "OutOfMemory, for now",
  EDQUOT: "OutOfMemory, for now",
  ENOTDIR: "WrongType, for good",
  EIO: "Unreachable, for now",
  ESTALE: "Unreachable, for now",
  EMFILE: "Unreachable, for now",
  ENFILE: "Unreachable, for now",
  ELOOP: "Unknown, for good"
}

describe("trouble with files", () => {
  for (const [code, kind] of Object.entries(kinds)) {
    it.live(`${code} is ${kind}, and takes nothing from who has a key`, () =>
      Effect.gen(function*() {
        const path = yield* directory
        const store = yield* storeIn(path)
        const fence = yield* acquire(store, "key", "1-a")
        yield* seeCalls(path, () => {
          throw systemError(code)
        }).pipe(
          Effect.andThen(Effect.gen(function*() {
            const calls: ReadonlyArray<Effect.Effect<unknown, BackendFailure>> = [
              store.tryAcquire(claim("key", "1-b")),
              store.tryAcquire(claim("new", "1-b")),
              store.extend(claim("key", "1-a")),
              store.release("key", "1-a"),
              store.inspect("key")
            ]
            for (const call of calls) {
              const failure = yield* Effect.flip(call)
              assert.strictEqual(`${failure.kind}, ${failure.retryable ? "for now" : "for good"}`, kind)
              assert.include(failure.message, `${code}: as the test wants it`)
            }
          })),
          Effect.scoped
        )
        assert.strictEqual((yield* store.tryAcquire(claim("key", "1-b")))._tag, "Held")
        assert.isTrue(yield* store.extend(claim("key", "1-a")))
        assert.isTrue(yield* store.release("key", "1-a"))
        assert.isAbove(yield* acquire(store, "key", "1-b"), fence)
      }).pipe(Effect.scoped))
  }

  it.live("in the place of a lock is said by the call, and owes no release", () =>
    Effect.gen(function*() {
      const path = yield* directory
      writeFileSync(join(path, "lock-key"), "")
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => lines.push(message))
      const backend = yield* LockBackend.make(yield* storeIn(path)).pipe(
        Effect.provideService(Logger.CurrentLoggers, new Set([logger]))
      )
      const call = Effect.provideService(Lock.withLock(Effect.void, "key"), LockBackend.LockBackend, backend)
      assert.include((yield* Effect.flip(call)).message, "take a directory that has nothing but locks in it")
      yield* Effect.sleep(0)
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.scoped))

  it.live("that passes is waited for by who wants a lock, and told to who cannot wait for so long", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const backend = yield* LockBackend.make(yield* storeIn(path, { poll: "50 millis" }))
      const files = Effect.provideService(LockBackend.LockBackend, backend)
      let isOut = true
      yield* seeCalls(path, () => {
        if (isOut) throw systemError("EMFILE")
      })
      const waiting = yield* Lock.withLock(Effect.succeed("done"), "key", { timeout: "Infinity" }).pipe(
        files,
        Effect.forkChild({ startImmediately: true })
      )
      const { message } = yield* Effect.flip(files(Lock.withLock(Effect.void, "other", { timeout: "100 millis" })))
      assert.match(message, /EMFILE: .*; this process has as many files open as it may \(ulimit -n\)/)
      assert.isUndefined(waiting.pollUnsafe())
      isOut = false
      yield* eventually(Effect.sync(() => waiting.pollUnsafe() !== undefined))
    }).pipe(Effect.scoped))
})
