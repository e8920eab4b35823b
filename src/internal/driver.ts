/** Drivers: packages that only some backends need, and that need not be installed otherwise. */
import * as Effect from "effect/Effect"
import type { LockError } from "../LockError.ts"
import { unsupported } from "./unsupported.ts"

/** Loads a module that needs the driver; the failure says what to install. */
export const load = <A>(backend: string, driver: string, modules: () => Promise<A>): Effect.Effect<A, LockError> =>
  Effect.tryPromise({
    try: modules,
    catch: (cause) =>
      unsupported(backend, `the package "${driver}" cannot be loaded, install it with: npm install ${driver}`, cause)
  })
