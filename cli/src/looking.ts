/**
 * Reads locks without changing anything: a directory that does not exist has no locks, and is not
 * created.
 */
import type * as LockBackend from "effect-lock/LockBackend"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { note } from "./output.ts"
import { printable } from "./paint.ts"
import { backend, serverUrl } from "./settings.ts"

/** The directory of a URL, if it does not exist. The backend reports any other problem with it. */
const missing = (url: string): string | undefined => {
  try {
    const path = fileURLToPath(url)
    return statSync(path, { throwIfNoEntry: false }) === undefined ? path : undefined
  } catch {
    return undefined
  }
}

/**
 * Runs an effect with the backend as soon as there is one, and returns `none` until then, which it
 * reports once.
 */
export const looking = Effect.gen(function*() {
  const url = Redacted.value(yield* serverUrl)
  const built = yield* Effect.cached(Layer.build(backend))
  const absent = missing(url)
  if (absent !== undefined) yield* note(`there is no directory ${printable(absent)}, and so no lock in it`)
  return <A, E>(ask: Effect.Effect<A, E, LockBackend.LockBackend>, none: NoInfer<A>) =>
    Effect.suspend(() =>
      missing(url) === undefined
        ? Effect.flatMap(built, (context) => Effect.provideContext(ask, context))
        : Effect.succeed(none)
    )
})
