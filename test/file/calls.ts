/** The calls that a store makes of the file system, seen before they are made. */
import { Effect, type Scope } from "effect"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

const names = [
  "mkdirSync",
  "openSync",
  "writeFileSync",
  "readFileSync",
  "renameSync",
  "unlinkSync",
  "rmdirSync",
  "rmSync",
  "readdirSync",
  "statSync",
  "watch"
] as const

export type CallName = typeof names[number]

/** Calls `before` with every call on something in the directory, until the scope closes; what it throws, the call throws. */
export const seeCalls = (
  directory: string,
  before: (name: CallName, path: string) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => {
      const originals = names.map((name) => [name, fs[name]] as const)
      for (const [name, original] of originals) {
        Object.assign(fs, {
          [name]: (path: unknown, ...rest: ReadonlyArray<unknown>) => {
            if (typeof path === "string" && path.startsWith(directory)) before(name, path)
            return (original as (...args: ReadonlyArray<unknown>) => unknown)(path, ...rest)
          }
        })
      }
      syncBuiltinESMExports()
      return originals
    }),
    (originals) =>
      Effect.sync(() => {
        for (const [name, original] of originals) Object.assign(fs, { [name]: original })
        syncBuiltinESMExports()
      })
  ))

export const systemError = (code: string): Error => Object.assign(new Error(`${code}: as the test wants it`), { code })
