/** Processes that die at any moment of an operation. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import * as Directory from "../../src/internal/file/directory.ts"
import * as State from "../../src/internal/file/state.ts"
import { directory } from "../support/directory.ts"
import { type CallName, seeCalls } from "./calls.ts"
import { acquire, claim, elsewhere, eventually, forgotten, micros, namesOf, storeIn } from "./support.ts"

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
    it.live(`at any moment of ${name} leaves a key that the next claim gets`, () =>
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
