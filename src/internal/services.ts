/** What a call needs of the services of its fiber. */
import * as Context from "effect/Context"
import { LockBackend } from "../LockBackend.ts"
import { LockConfig } from "../LockConfig.ts"

interface Services {
  readonly backend: LockBackend["Service"]
  readonly config: LockConfig
}

/** Looking both up takes as long as taking a lock in memory, and a context does not change. Nothing is kept longer than it. */
const known = new WeakMap<Context.Context<LockBackend>, Services>()

export const servicesOf = (context: Context.Context<LockBackend>): Services => {
  let services = known.get(context)
  if (services === undefined) {
    services = { backend: Context.get(context, LockBackend), config: Context.get(context, LockConfig) }
    known.set(context, services)
  }
  return services
}
