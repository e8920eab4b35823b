/**
 * The IndexedDB database: opened when it is first used, and again after somebody has deleted it. A
 * `readwrite` transaction is exclusive among all tabs and workers of an origin, so reads and writes
 * in it are atomic.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import { undone } from "../undone.ts"
import * as Failure from "./failure.ts"

/** The object stores. */
export const locks = "locks"
export const tokens = "tokens"

export interface Database {
  /**
   * Runs a transaction. `body` makes its requests, and returns how to get the answer once it is
   * committed; `fail` aborts it.
   */
  readonly run: <A>(
    operation: string,
    key: string | undefined,
    mode: IDBTransactionMode,
    body: (transaction: IDBTransaction, fail: (failure: BackendFailure) => void) => () => A
  ) => Effect.Effect<A, BackendFailure>
  /** Aborts the transactions in progress: one that does not end would block all others. */
  readonly abort: () => void
}

const open = (name: string): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.addEventListener("upgradeneeded", () => {
      request.result.createObjectStore(locks)
      request.result.createObjectStore(tokens)
    })
    request.addEventListener("success", () => resolve(request.result))
    request.addEventListener("error", () => reject(request.error ?? new Error("the database cannot be opened")))
  })

export const make = (name: string): Effect.Effect<Database, never, Scope.Scope> => {
  let database: Promise<IDBDatabase> | undefined
  const underWay = new Set<IDBTransaction>()

  const connect = (): Promise<IDBDatabase> => {
    if (database !== undefined) return database
    const opening = open(name)
    const forget = () => {
      if (database === opening) database = undefined
    }
    database = opening
    opening.then((db) => {
      db.addEventListener("close", forget)
      // Somebody wants to delete it, and waits for us.
      db.addEventListener("versionchange", () => {
        forget()
        db.close()
      })
    }, forget)
    return opening
  }

  const run: Database["run"] = (operation, key, mode, body) =>
    Effect.callback((resume) => {
      const failureOf = (cause: unknown) =>
        cause instanceof BackendFailure ? cause : Failure.make(operation, key, cause)
      const fail = (cause: unknown) => resume(Effect.fail(failureOf(cause)))
      connect().then((db) => {
        const tx = db.transaction([locks, tokens], mode, { durability: "relaxed" })
        underWay.add(tx)
        const answer = body(tx, (failure) => {
          fail(failure)
          tx.abort()
        })
        tx.addEventListener("complete", () => {
          underWay.delete(tx)
          resume(Effect.sync(answer))
        })
        tx.addEventListener("abort", () => {
          underWay.delete(tx)
          fail(tx.error ?? new Error("the transaction was aborted"))
        })
      }).catch((cause: unknown) => resume(Effect.fail(undone(failureOf(cause)))))
    })

  const abort = (): void => {
    for (const tx of underWay) {
      try {
        tx.abort()
      } catch {
        // It is already being committed.
      }
    }
  }

  return Effect.acquireRelease(
    Effect.succeed({ run, abort }),
    () => Effect.sync(() => void database?.then((db) => db.close(), () => {}))
  )
}
