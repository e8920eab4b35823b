/** What an operation on a store fails with, other than what the store itself says. */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import { BackendFailure, type FailureKind } from "../../LockError.ts"
import * as Made from "../made.ts"
import { show } from "../show.ts"
import { isUndone } from "../undone.ts"
import type { Operation } from "./call.ts"

/** Of this or another copy of this package: a store may be of one and its backend of the other. */
export const isFailure = (reply: unknown): reply is BackendFailure => Made.isMade(reply, Made.BackendFailure)

/** Whether a reply says that the store was asked in vain, so that it has nothing of it but perhaps a place in a queue. */
export const isRefusal = (reply: unknown): boolean =>
  typeof reply === "object" && reply !== null &&
  ((reply as { readonly _tag?: unknown })._tag === "Held" || isUndone(reply))

export class Failures {
  private readonly backend: string

  constructor(backend: string) {
    this.backend = backend
  }

  private make(
    operation: Operation,
    key: string,
    kind: FailureKind,
    description: string | undefined,
    cause?: unknown
  ): BackendFailure {
    return new BackendFailure({
      backend: this.backend,
      operation,
      kind,
      retryable: kind === "NoReply",
      // A list is about no single one.
      ...(operation !== "list" && { key }),
      ...(description !== undefined && { description }),
      ...(cause !== undefined && { cause })
    })
  }

  noReply(operation: Operation, key: string, description = "no reply in time"): BackendFailure {
    return this.make(operation, key, "NoReply", description)
  }

  /** Of a store that takes longer to answer than the lease lasts that it gives. */
  late(key: string): BackendFailure {
    return this.noReply("acquire", key, "the reply came after the lease had ended")
  }

  closed(operation: Operation, key: string): BackendFailure {
    return this.make(operation, key, "Closed", "the backend has been closed")
  }

  /** Of a store whose keys have one holder. */
  unshared(key: string): BackendFailure {
    return this.make("acquire", key, "Unsupported", "this store keeps no more than one holder of a key")
  }

  /** Of a store that cannot give a key from one token to another. */
  untransferable(key: string): BackendFailure {
    return this.make("acquire", key, "Unsupported", "a lock of this store cannot change hands")
  }

  unlisted(prefix: string): BackendFailure {
    return this.make("list", prefix, "Unsupported", "this store cannot say which keys are held")
  }

  /** Of what has ended as no store may, or with a failure of its own. */
  of(operation: Operation, key: string, exit: Exit.Exit<unknown, unknown>): BackendFailure {
    if (exit._tag === "Success") return this.make(operation, key, "Unknown", `it answered ${show(exit.value)}`)
    const { reasons } = exit.cause
    const error = reasons.find(Cause.isFailReason)?.error
    if (isFailure(error)) return error
    const defect = error ?? reasons.find(Cause.isDieReason)?.defect
    return defect === undefined
      ? this.make(operation, key, "Unknown", "it was interrupted from within")
      : this.make(operation, key, "Unknown", undefined, defect)
  }
}
