/** Drivers: packages that only some backends need, and that need not be installed otherwise. */
import * as Effect from "effect/Effect"
import { BackendFailure, LockError } from "../LockError.ts"

/** Loads a module that needs the driver; the failure says what to install. */
export const load = <A>(backend: string, driver: string, modules: () => Promise<A>): Effect.Effect<A, LockError> =>
  Effect.tryPromise({
    try: modules,
    catch: (cause) =>
      new LockError({
        reason: new BackendFailure({
          backend,
          operation: "connect",
          kind: "Unsupported",
          retryable: false,
          description: `the package "${driver}" cannot be loaded, install it with: npm install ${driver}`,
          cause
        })
      })
  })
