/** The failures of an operation on a store, other than the store's own. */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import { BackendFailure, type FailureKind } from "../../LockError.ts"
import * as Made from "../made.ts"
import { show } from "../show.ts"
import { isUndone } from "../undone.ts"
import type { Operation } from "./call.ts"

/** Made by this or another copy of the package: store and backend may come from different ones. */
export const isFailure = (reply: unknown): reply is BackendFailure => Made.isMade(reply, Made.BackendFailure)

/**
 * Whether the reply is a refusal, after which the store holds nothing of the token except perhaps a place in its
 * queue.
 */
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
      // A list is not about a single key.
      ...(operation !== "list" && { key }),
      ...(description !== undefined && { description }),
      ...(cause !== undefined && { cause })
    })
  }

  noReply(operation: Operation, key: string, description = "no reply in time"): BackendFailure {
    return this.make(operation, key, "NoReply", description)
  }

  /** The store takes longer to answer than the lease lasts that it gives. */
  late(key: string): BackendFailure {
    return this.noReply("acquire", key, "the reply came after the lease had ended")
  }

  closed(operation: Operation, key: string): BackendFailure {
    return this.make(operation, key, "Closed", "the backend has been closed")
  }

  /** The store cannot share keys. */
  unshared(key: string): BackendFailure {
    return this.make("acquire", key, "Unsupported", "this store keeps no more than one holder of a key")
  }

  /** The store cannot transfer a key from one token to another. */
  untransferable(key: string): BackendFailure {
    return this.make("acquire", key, "Unsupported", "a lock of this store cannot change hands")
  }

  unlisted(prefix: string): BackendFailure {
    return this.make("list", prefix, "Unsupported", "this store cannot say which keys are held")
  }

  /** For an exit that no store may end with, or with a failure of the store's own. */
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
