/**
 * The records of all keys, and the last fencing token, in the database. A key that nobody holds or
 * wants has no record.
 */
import type * as Effect from "effect/Effect"
import { BackendFailure } from "../../LockError.ts"
import { fenceAt } from "../time.ts"
import { undone } from "../undone.ts"
import { type Database, locks, tokens } from "./database.ts"
import * as Failure from "./failure.ts"
import * as Record from "./record.ts"

const lastToken = "last"
const identityKey = "identity"

/** The number of keys in a page. */
export const pageSize = 250

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
}

export const make = (name: string, { run }: Database, wallMillis: () => number): Table => {
  const decoded = (operation: string, key: string, value: unknown): Record.Record | BackendFailure =>
    Record.decode(value) ?? undone(Failure.notALock(operation, key, name))

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

  return { update, read, keys, identity }
}
