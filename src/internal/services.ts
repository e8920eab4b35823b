/** The services that a call needs of its fiber. */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import { LockBackend } from "../LockBackend.ts"
import { LockConfig } from "../LockConfig.ts"
import { isWork } from "./reentry.ts"
import { type Defaults, defaultsOf } from "./request.ts"
import { type Taker, takerOf } from "./section.ts"

interface Services {
  readonly backend: LockBackend["Service"]
  /** Shortcuts of a backend that is not decorated. */
  readonly taker: Taker | undefined
  readonly defaults: Defaults
}

/**
 * A lookup takes as long as acquiring a lock in memory, and a context never changes, so its result
 * is kept as long as the context.
 */
const known = new WeakMap<Context.Context<LockBackend>, Services>()

/** The last services of each backend, for contexts that come and go. */
const latest = new WeakMap<LockBackend["Service"], Services>()

/** The last fiber whose context was not known. */
let lastToAsk: number | undefined

/** Only for effects that want a backend. */
export const servicesOf = (fiber: Fiber.Fiber<unknown, unknown>): Services => {
  const context = fiber.context as Context.Context<LockBackend>
  const services = known.get(context)
  if (services !== undefined) return services
  const found = lookUp(Context.get(context, LockBackend), Context.get(context, LockConfig))
  // The context of work goes with the work, so it is only worthwhile if the work asks again.
  if (lastToAsk === fiber.id || !isWork(context)) known.set(context, found)
  else lastToAsk = fiber.id
  return found
}

const lookUp = (backend: LockBackend["Service"], config: LockConfig): Services => {
  const services = latest.get(backend)
  if (services?.defaults.config === config) return services
  const found = { backend, taker: takerOf(backend), defaults: defaultsOf(config) }
  latest.set(backend, found)
  return found
}
