/** Errors of a cache, as failures of the backend. */
import { BackendFailure } from "../../LockError.ts"

export const backend = "best-effort-key-value"

type Details = Omit<ConstructorParameters<typeof BackendFailure>[0], "backend">

export const make = (details: Details): BackendFailure => new BackendFailure({ backend, ...details })
