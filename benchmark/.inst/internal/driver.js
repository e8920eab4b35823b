/** Packages that only some backends need, and that need not be installed otherwise. */
import * as Effect from "effect/Effect";
import { BackendFailure, LockError } from "../LockError.js";
/** Loads what needs the driver; fails with what to install. */
export const load = (backend, driver, modules) => Effect.tryPromise({
    try: modules,
    catch: (cause) => new LockError({
        reason: new BackendFailure({
            backend,
            operation: "connect",
            kind: "Unsupported",
            retryable: false,
            description: `the package "${driver}" cannot be loaded, install it with: npm install ${driver}`,
            cause
        })
    })
});
