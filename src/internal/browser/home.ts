/**
 * Which tabs see by their Web Locks whether one another is there. Where a person, or a
 * server by `Clear-Site-Data`, clears what a site has stored, Chromium gives tabs that
 * come afterwards other locks than those that were there before have, though all of
 * them share the new database. So each database has a name of its own, and a tab is at
 * home where it was when its locks were first used: whoever is at home elsewhere is
 * never known to be gone, and what it holds is free when its lease is over.
 */
import * as Effect from "effect/Effect"
import type { BackendFailure } from "../../LockError.ts"

/** The homes, by page or worker, and by the name of the store. */
const homes = new WeakMap<LockManager, Map<string, string>>()

/** If there is no answer, or the database changes meanwhile, it shares its home with nobody. */
const find = (database: Effect.Effect<string, BackendFailure>): Effect.Effect<string> =>
  Effect.gen(function*() {
    const before = yield* database
    yield* Effect.tryPromise(() => navigator.locks.query())
    const after = yield* database
    return before === after ? before : undefined
  }).pipe(
    Effect.timeout("1 second"),
    Effect.orElseSucceed(() => undefined),
    Effect.map((found) => found ?? crypto.randomUUID())
  )

/** Valid for as long as the page lives, as its Web Locks do not change. */
export const of = (name: string, database: Effect.Effect<string, BackendFailure>): Effect.Effect<string> =>
  Effect.suspend(() => {
    const { locks } = navigator
    const names = homes.get(locks) ?? new Map<string, string>()
    homes.set(locks, names)
    const known = names.get(name)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(find(database), (found) => {
      const home = names.get(name) ?? found
      names.set(name, home)
      return home
    })
  })
