/** Errors of a browser, as failures of the backend. */
import { BackendFailure, type LockError } from "../../LockError.ts"
import * as Unsupported from "../unsupported.ts"

export const backend = "browser"

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

/** An error of IndexedDB. */
export const make = (operation: string, key: string | undefined, cause: unknown): BackendFailure => {
  const known = cause instanceof Error || cause instanceof DOMException ? cause : undefined
  const { kind, retryable, todo }: Meaning = kinds[known?.name ?? ""] ?? { kind: "Unknown", retryable: true }
  const description = todo === undefined ? known?.message : `${known!.message.replace(/\.$/, "")}; ${todo}`
  return new BackendFailure({ backend, operation, key, kind, retryable, description, cause })
}

/** What may succeed when it is tried again. */
export const unknown = (
  operation: string,
  key: string,
  why: Pick<BackendFailure, "cause"> | Pick<BackendFailure, "description">
): BackendFailure => new BackendFailure({ backend, operation, key, kind: "Unknown", retryable: true, ...why })

export const notALock = (operation: string, key: string, database: string): BackendFailure =>
  new BackendFailure({
    backend,
    operation,
    key,
    kind: "WrongType",
    retryable: false,
    description: `something that is no lock is stored in the database "${database}"`
  })

export const unsupported = (description: string, cause?: unknown): LockError =>
  Unsupported.unsupported(backend, description, cause)
