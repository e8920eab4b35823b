/** What a call needs of the services of its fiber. */
import * as Context from "effect/Context"
import { LockBackend } from "../LockBackend.ts"
import { LockConfig } from "../LockConfig.ts"
import { type Taker, takerOf } from "./section.ts"

interface Services {
  readonly backend: LockBackend["Service"]
  readonly config: LockConfig
  /** Of a backend that nobody has decorated. */
  readonly taker: Taker | undefined
}

/** Looking both up takes as long as taking a lock in memory, and a context does not change. Nothing is kept longer than it. */
const known = new WeakMap<Context.Context<LockBackend>, Services>()

export const servicesOf = (context: Context.Context<LockBackend>): Services => {
  let services = known.get(context)
  if (services === undefined) {
    const backend = Context.get(context, LockBackend)
    services = { backend, config: Context.get(context, LockConfig), taker: takerOf(backend) }
    known.set(context, services)
  }
  return services
}
