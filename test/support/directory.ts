/** Places for what tests write. */
import { Effect, type Scope } from "effect"
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const newDirectory = (name: string, parent = tmpdir()): string => {
  mkdirSync(parent, { recursive: true })
  return realpathSync(mkdtempSync(join(parent, `effect-lock-${name}-`)))
}

/** A process may still write there after its end was reported. */
export const remove = (path: string): void =>
  rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })

/** A directory that is removed with the scope. */
export const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => newDirectory("test")),
  (path) => Effect.sync(() => remove(path))
)
