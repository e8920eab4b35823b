/** Checks the options and the directory. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { LockError } from "../../LockError.ts"
import { invalid, isAtLeast, isExpires, toWholeMillis } from "../options.ts"
import * as Directory from "./directory.ts"
import * as Failure from "./failure.ts"
import * as Host from "./host.ts"
import type { Settings } from "./store.ts"

interface Given {
  readonly directory: string | URL
  readonly poll?: Duration.Input | undefined
  readonly keepIdle?: Duration.Input | undefined
  readonly detectDead?: boolean | undefined
}

const expectedDirectory = `the path of a directory, such as "/var/lock/app", or its URL, "file:///var/lock/app"`

/** The absolute path, which stays the same when the process changes its directory. */
const rootOf = (directory: string | URL): Effect.Effect<string, LockError> => {
  const text = typeof directory === "object" ? directory?.href : directory
  if (typeof text !== "string" || text === "" || text.includes("\0")) {
    return invalid("directory", directory, expectedDirectory)
  }
  if (typeof directory === "string" && !/^file:/i.test(text)) return Effect.succeed(resolve(text))
  return Effect.catch(
    // `fileURLToPath` ignores what follows a `?` or `#`.
    Effect.try({ try: () => fileURLToPath(/[?#]/.test(text) ? "" : text), catch: () => undefined }),
    () => invalid("directory", text, expectedDirectory)
  )
}

export const check = Effect.fnUntraced(function*(
  { detectDead = true, directory, keepIdle = "1 minute", poll = "1 second" }: Given
): Effect.fn.Return<Settings, LockError> {
  const root = yield* rootOf(directory)
  const pollMillis = toWholeMillis(poll)
  if (!isExpires(pollMillis)) {
    return yield* invalid("poll", poll, `a finite duration of at least 1 milli, such as "1 second"`)
  }
  const keepIdleMillis = toWholeMillis(keepIdle)
  if (!isAtLeast(keepIdleMillis)) {
    return yield* invalid("keepIdle", keepIdle, `a finite duration of zero or more, such as "1 minute"`)
  }
  return { root, pollMillis, keepIdleMillis, detectDead }
})

/** Creates the directory if it is missing, and refuses one that cannot hold locks. */
export const open = (root: string, clocks = Host.readClocks): Effect.Effect<void, LockError> =>
  Effect.suspend(() => {
    const problem = Host.clockProblem(clocks())
    if (problem !== undefined) return unsupported(problem)
    try {
      Directory.open(root)
      if (!fs.statSync(root).isDirectory()) throw new Failure.Foreign(root, "is no directory")
      // Whether it is writable shows at the first lock.
      fs.accessSync(root, fs.constants.R_OK | fs.constants.X_OK)
      const unsuitable = Host.fileSystemProblem(fs.statfsSync(root).type)
      return unsuitable === undefined ? Effect.void : unsupported(`${root} cannot hold locks: ${unsuitable}`)
    } catch (cause) {
      return Effect.fail(new LockError({ reason: Failure.make("open", undefined, cause) }))
    }
  })

const unsupported = (description: string): Effect.Effect<never, LockError> =>
  Effect.fail(new LockError({ reason: Failure.unsupported(description) }))
