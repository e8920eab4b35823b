/** Folders of a test's own. */
import { Effect, type Scope } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Removes it with all that is in it, also while somebody who is being killed writes his last words there. */
export const remove = (path: string): void =>
  rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })

/** A new one with this in its name. */
export const newDirectory = (name: string, parent = tmpdir()): string => {
  mkdirSync(parent, { recursive: true })
  return mkdtempSync(join(parent, `effect-lock-${name}-`))
}

/** One that goes with the scope. */
export const directory = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => newDirectory(name)), (path) => Effect.sync(() => remove(path)))
