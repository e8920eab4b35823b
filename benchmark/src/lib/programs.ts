/** Programs that are measured, each in a process of its own, compiled by `build.ts`. */
import { fork, type ForkOptions } from "node:child_process"
import { fileURLToPath } from "node:url"

export const programs = ["cycler", "filer", "fresh", "holder", "sharers", "staller", "waiters"] as const

export type Program = typeof programs[number]

export const start = (program: Program, args: ReadonlyArray<string>, options: ForkOptions) =>
  fork(fileURLToPath(new URL(`../../.build/programs/${program}.js`, import.meta.url)), args, {
    execArgv: [],
    ...options
  })
