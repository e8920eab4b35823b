/** The command line tool, run in a process of its own, as users do. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process"
import { cpSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { bundle } from "../../cli/build.ts"
import { root } from "../../scripts/doctest.ts"
import { once } from "./once.ts"
import { until } from "./redis.ts"
import { kill } from "./server.ts"

/** The file that Node runs, made as for the package, once in a run. */
export const main: Effect.Effect<string> = Effect.map(
  Effect.promise(() =>
    once("cli", async (folder) => {
      await bundle(join(folder, "dist"))
      cpSync(join(root, "cli/package.json"), join(folder, "package.json"))
    })
  ),
  (folder) => join(folder, "dist/main.js")
)

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Running {
  readonly process: ChildProcess
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<Ended>
  /** Its output so far. */
  readonly out: () => string
  readonly err: () => string
}

/** Starts a program; whatever is left of it is killed with the scope. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly env?: Record<string, string>; readonly stdin?: string; readonly keyboard?: boolean } = {}
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const stdio: StdioOptions = [
        options.stdin === undefined && options.keyboard !== true ? "ignore" : "pipe",
        "pipe",
        "pipe"
      ]
      const child = spawn(command, args, { stdio, env: { ...process.env, ...options.env } })
      const text = { out: "", err: "" }
      child.stdout?.setEncoding("utf8").on("data", (chunk) => text.out += chunk)
      child.stderr?.setEncoding("utf8").on("data", (chunk) => text.err += chunk)
      if (options.stdin !== undefined) child.stdin?.end(options.stdin)
      let end: Ended | undefined
      child.once("close", (code, signal) => end = { code, signal })
      return {
        process: child,
        pid: child.pid ?? 0,
        kill: (signal: NodeJS.Signals) => child.kill(signal),
        ended: Effect.callback<Ended>((resume) => {
          if (end !== undefined) return resume(Effect.succeed(end))
          child.once("close", (code, signal) => resume(Effect.succeed({ code, signal })))
        }),
        out: () => text.out,
        err: () => text.err
      }
    }),
    ({ process }) => kill(process)
  )

/** Waits until a file has content, and returns that. */
export const contents = (file: string, isEnough: (text: string) => boolean = (text) => text !== "") =>
  Effect.as(
    until(Effect.sync(() => existsSync(file) && isEnough(readFileSync(file, "utf8")))),
    undefined
  ).pipe(Effect.andThen(Effect.sync(() => readFileSync(file, "utf8"))))
