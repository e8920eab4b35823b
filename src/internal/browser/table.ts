/**
 * The records of all keys in IndexedDB, and the last fencing token. A `readwrite` transaction is
 * exclusive among all tabs and workers of an origin, so reads and writes in it are atomic. A key
 * that nobody holds or wants has no record.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import { fenceAt } from "../time.ts"
import { undone } from "../undone.ts"
import * as Record from "./record.ts"

export const backend = "browser"

const locks = "locks"
const tokens = "tokens"
const lastToken = "last"
const identityKey = "identity"

export interface Table {
  /**
   * Changes the record of a key. `f` may ask for a fencing token, once; its result is returned when
   * the change is committed.
   */
  readonly update: <A>(
    operation: string,
    key: string,
    f: (record: Record.Record, nextToken: () => number) => {
      readonly answer: A
      readonly next: Record.Record | undefined
    }
  ) => Effect.Effect<A, BackendFailure>
  readonly read: (operation: string, key: string) => Effect.Effect<Record.Record, BackendFailure>
  /** A page of the keys with this prefix, in order, after `from`. */
  readonly keys: (prefix: string, from: string | undefined) => Effect.Effect<ReadonlyArray<string>, BackendFailure>
  /** A random name for the database, from its creation to its deletion. */
  readonly identity: Effect.Effect<string, BackendFailure>
  /** Aborts the transactions in progress: one that does not end would block all others. */
  readonly abort: () => void
}

/** The number of keys in a page. */
export const pageSize = 250

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

interface Meaning extends Pick<BackendFailure, "kind" | "retryable"> {
  readonly todo?: string
}

const notOurs: Meaning = {
  kind: "WrongType",
  retryable: false,
  todo: "the database of this name is another program's, or of a later version of this library: reload the page, or " +
    "give the layer another `name`"
}

/** What an error of IndexedDB means, by its name in the specification, and what helps. */
const kinds: { readonly [name: string]: Meaning } = {
  QuotaExceededError: { kind: "OutOfMemory", retryable: true },
  VersionError: notOurs,
  NotFoundError: notOurs,
  // An origin without storage, such as a sandboxed frame.
  SecurityError: { kind: "Unsupported", retryable: false },
  NotSupportedError: { kind: "Unsupported", retryable: false }
}

const failed = (operation: string, key: string | undefined, cause: unknown): BackendFailure => {
  const known = cause instanceof Error || cause instanceof DOMException ? cause : undefined
  const { kind, retryable, todo }: Meaning = kinds[known?.name ?? ""] ?? { kind: "Unknown", retryable: true }
  const description = todo === undefined ? known?.message : `${known!.message.replace(/\.$/, "")}; ${todo}`
  return new BackendFailure({ backend, operation, key, kind, retryable, description, cause })
}

/** Opens the database when it is first used, and again after somebody has deleted it. */
export const make = (name: string, wallMillis: () => number): Effect.Effect<Table, never, Scope.Scope> => {
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

  const transaction = (db: IDBDatabase, mode: IDBTransactionMode) =>
    db.transaction([locks, tokens], mode, { durability: "relaxed" })

  const run = <A>(
    operation: string,
    key: string | undefined,
    mode: IDBTransactionMode,
    body: (transaction: IDBTransaction, fail: (failure: BackendFailure) => void) => () => A
  ): Effect.Effect<A, BackendFailure> =>
    Effect.callback((resume) => {
      const failureOf = (cause: unknown) => cause instanceof BackendFailure ? cause : failed(operation, key, cause)
      const fail = (cause: unknown) => resume(Effect.fail(failureOf(cause)))
      connect().then((db) => {
        const tx = transaction(db, mode)
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

  const decoded = (operation: string, key: string, value: unknown): Record.Record | BackendFailure =>
    Record.decode(value) ?? undone(
      new BackendFailure({
        backend,
        operation,
        key,
        kind: "WrongType",
        retryable: false,
        description: `something that is no lock is stored in the database "${name}"`
      })
    )

  const update: Table["update"] = (operation, key, f) =>
    run(operation, key, "readwrite", (tx, fail) => {
      const records = tx.objectStore(locks)
      const record = records.get(key)
      const counter = tx.objectStore(tokens)
      const last = counter.get(lastToken)
      let answer!: ReturnType<typeof f>["answer"]
      // The later of the two.
      last.addEventListener("success", () => {
        const before = decoded(operation, key, record.result)
        if (before instanceof BackendFailure) return fail(before)
        const nextToken = () => {
          const token = Math.max(fenceAt(wallMillis()), Number.isSafeInteger(last.result) ? last.result + 1 : 0)
          counter.put(token, lastToken)
          return token
        }
        const change = f(before, nextToken)
        answer = change.answer
        if (change.next === undefined) return
        if (Record.isFree(change.next)) records.delete(key)
        else records.put(change.next, key)
      })
      return () => answer
    })

  const read: Table["read"] = (operation, key) =>
    run(operation, key, "readonly", (tx, fail) => {
      const request = tx.objectStore(locks).get(key)
      let answer!: Record.Record
      request.addEventListener("success", () => {
        const record = decoded(operation, key, request.result)
        if (record instanceof BackendFailure) fail(record)
        else answer = record
      })
      return () => answer
    })

  const keys: Table["keys"] = (prefix, from) =>
    run("list", undefined, "readonly", (tx) => {
      const after = from ?? prefix
      const request = tx.objectStore(locks).getAllKeys(IDBKeyRange.lowerBound(after, from !== undefined), pageSize)
      return () => (request.result as ReadonlyArray<string>).filter((key) => key.startsWith(prefix))
    })

  const identity: Table["identity"] = run("connect", undefined, "readwrite", (tx) => {
    const store = tx.objectStore(tokens)
    const request = store.get(identityKey)
    let answer!: string
    request.addEventListener("success", () => {
      answer = request.result ?? crypto.randomUUID()
      if (request.result === undefined) store.put(answer, identityKey)
    })
    return () => answer
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
    Effect.succeed({ update, read, keys, identity, abort }),
    () => Effect.sync(() => void database?.then((db) => db.close(), () => {}))
  )
}
