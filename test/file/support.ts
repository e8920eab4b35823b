/** Directories for locks, stores in them, and what the tests say often. */
import { assert } from "@effect/vitest"
import { Effect, Option, Schedule, Scope } from "effect"
import * as FileBackend from "effect-lock/FileBackend"
import type { LockError } from "effect-lock/LockError"
import type { Acquired, Claim, LockStore } from "effect-lock/LockStore"
import { readdirSync } from "node:fs"
import { join } from "node:path"

export const storeIn = (
  directory: string,
  options: Omit<FileBackend.Options, "directory"> = {}
): Effect.Effect<LockStore, LockError, Scope.Scope> => FileBackend.makeStore({ directory, ...options })

/** A store that is never closed, as one in a process that was killed. */
export const forgotten = (path: string, options?: Omit<FileBackend.Options, "directory">) =>
  Effect.flatMap(Scope.make(), (scope) => Scope.provide(storeIn(path, options), scope))

/** Another process, in another container: nobody here knows whether it is gone. */
export const elsewhere = "1-1-1"

export const micros = () => Number(process.hrtime.bigint() / 1000n)

export const claim = (key: string, token: string, expiresMillis = 10_000, wait = false): Claim => ({
  key,
  token,
  expiresMillis,
  wait
})

export const acquire = Effect.fnUntraced(function*(store: LockStore, key: string, token: string, expires?: number) {
  const attempt = yield* store.tryAcquire(claim(key, token, expires))
  assert.strictEqual(attempt._tag, "Acquired")
  return (attempt as Acquired).fencingToken
})

/** Who has the key, by token. */
export const holderOf = (store: LockStore, key: string) =>
  Effect.map(store.inspect(key), (occupant) => Option.getOrUndefined(occupant)?.token)

/** The names in a key's directory. */
export const namesOf = (directory: string, key: string): ReadonlyArray<string> =>
  readdirSync(join(directory, `lock-${key}`))

/** The test's own timeout is the limit. */
export const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(condition, { schedule: Schedule.spaced("10 millis"), until: (is) => is })
