/** Looks at locks, which leave behind what they find: a directory that is not there has none, and is not made. */
import type * as LockBackend from "effect-lock/LockBackend"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { note } from "./output.ts"
import { printable } from "./paint.ts"
import { backend, serverUrl } from "./settings.ts"

/** The directory that a URL names, if that is not there. What else may be wrong with it the backend says. */
const missing = (url: string): string | undefined => {
  try {
    const path = fileURLToPath(url)
    return statSync(path, { throwIfNoEntry: false }) === undefined ? path : undefined
  } catch {
    return undefined
  }
}

/** Runs what asks the backend as soon as there is one, and gives `none` as long as there is none, which it says once. */
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
