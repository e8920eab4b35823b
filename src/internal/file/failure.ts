/** Errors of the file system, as failures of the backend. */
import { BackendFailure, type FailureKind } from "../../LockError.ts"
import { undone } from "../undone.ts"

const rights = "give the directory to this user, or to a group of all who share its locks"
const room = "make room for new keys, files included (df -i); those on the disk are locked and given back as before"

/** What each error code means, and what helps. */
const kinds: Record<string, readonly [kind: FailureKind, retryable: boolean, todo?: string]> = {
  EACCES: ["Unauthorized", false, rights],
  EPERM: ["Unauthorized", false, rights],
  EROFS: ["ReadOnly", false, "take a directory of a file system that is mounted for writing"],
  ENOSPC: ["OutOfMemory", true, room],
  EDQUOT: ["OutOfMemory", true, room],
  ENOTDIR: ["WrongType", false, "take a directory that has nothing but locks in it"],
  EIO: ["Unreachable", true],
  ESTALE: ["Unreachable", true, "take a directory of a file system of this host alone"],
  EMFILE: ["Unreachable", true, "this process has as many files open as it may (ulimit -n)"],
  ENFILE: ["Unreachable", true, "this host has as many files open as it may"],
  ENOENT: ["Unreachable", true]
}

/** Something that is not a lock is at the path of a lock. */
export class Foreign extends Error {
  readonly code = "ENOTDIR"

  constructor(path: string, what = "has something in it that is no lock") {
    super(`${path} ${what}`)
  }
}

/** The code of a system error; any other error is a defect, and is thrown again. */
export const codeOf = (error: unknown): string => {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code
  throw error
}

/**
 * Whether a call succeeds: false if it fails with one of these codes, or with any code if none are
 * given; other errors are thrown again.
 */
export const works = (call: () => unknown, ...refusals: ReadonlyArray<string>): boolean => {
  try {
    call()
    return true
  } catch (error) {
    const code = codeOf(error)
    if (refusals.length > 0 && !refusals.includes(code)) throw error
    return false
  }
}

export const backend = "file"

export const make = (operation: string, key: string | undefined, cause: unknown): BackendFailure => {
  const [kind, retryable, todo] = kinds[codeOf(cause)] ?? ["Unknown", false]
  const description = todo && `${(cause as Error).message}; ${todo}`
  const failure = new BackendFailure({ backend, operation, key, kind, retryable, description, cause })
  return hasNothing(kind, cause) ? undone(failure) : failure
}

/** If something else than a lock is there, or access is denied, the token can hold nothing there. */
const hasNothing = (kind: FailureKind, cause: unknown): boolean =>
  kind === "WrongType" || (kind === "Unauthorized" && (cause as NodeJS.ErrnoException).syscall === "scandir")

export const unsupported = (description: string): BackendFailure =>
  new BackendFailure({ backend, operation: "open", kind: "Unsupported", retryable: false, description })
