/** What a backend needs and does not have here. */
import { BackendFailure, LockError } from "../LockError.ts"

export const unsupported = (backend: string, description: string, cause?: unknown): LockError =>
  new LockError({
    reason: new BackendFailure({
      backend,
      operation: "connect",
      kind: "Unsupported",
      retryable: false,
      description,
      cause
    })
  })
