/** The tool against a Redis of a file's own. */
import { afterAll, beforeAll } from "@effect/vitest"
import { ConfigProvider, Console, Effect, type Scope } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { main as command } from "../../cli/src/command.ts"
import { Signals } from "../../cli/src/signals.ts"
import { main as bundled, type Running, start } from "../support/cli.ts"
import { newDirectory, remove } from "../support/directory.ts"
import { client, redis, shared, until } from "../support/redis.ts"

interface Options {
  readonly env?: Record<string, string>
  readonly stdin?: string
}

/** A shell script as the command. */
export const sh = (script: string, ...args: ReadonlyArray<string>) => ["--", "sh", "-c", script, "sh", ...args]

let keys = 0
export const newKey = () => `key-${process.pid}-${++keys}`

/** For the tests of a file. */
export const tools = () => {
  let main = ""
  const folder = newDirectory("cli")

  beforeAll(async () => {
    main = await Effect.runPromise(bundled)
  })
  afterAll(() => remove(folder))

  /** How a script of npm would start it. */
  const commandLine = (...args: ReadonlyArray<string>): string =>
    [process.execPath, main, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")

  const server = shared(redis())
  const looking = shared(Effect.flatMap(server, ({ port }) => client(port)))

  const url = Effect.map(server, ({ port }) => `redis://127.0.0.1:${port}`)

  /** Starts the tool. */
  const tool = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Running, never, Scope.Scope> =>
    Effect.flatMap(
      Effect.orDie(url),
      (url) => start(process.execPath, [main, ...args], { ...options, env: { LOCK_URL: url, ...options.env } })
    )

  /** Runs it to its end. */
  const ran = (args: ReadonlyArray<string>, options: Options = {}) =>
    Effect.scoped(Effect.gen(function*() {
      const running = yield* tool(args, options)
      const { code } = yield* running.ended
      return { code, out: running.out(), err: running.err() }
    }))

  /** In a terminal of its own, where `input` is typed. */
  const inTerminal = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
    Effect.gen(function*() {
      const command = commandLine(...args)
      const LOCK_URL = yield* Effect.orDie(url)
      const running = yield* start("script", ["-qefc", `exec ${command}`, "/dev/null"], {
        env: { LOCK_URL, SHELL: "/bin/sh", NO_COLOR: "1", TERM: "xterm", ...env },
        keyboard: true
      })
      return { ...running, type: (text: string) => running.process.stdin?.write(text) }
    })

  /** Runs it to its end in this process, for what it says of its arguments. */
  const told = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
    Effect.gen(function*() {
      const LOCK_URL = yield* Effect.orDie(url)
      const said = { out: "", err: "" }
      const printer = (to: keyof typeof said) => (...texts: ReadonlyArray<unknown>) =>
        void (said[to] += `${texts.join(" ")}\n`)
      const code = yield* command(args).pipe(
        Effect.provideService(Console.Console, { ...globalThis.console, log: printer("out"), error: printer("err") }),
        Effect.provideService(Signals, { to: () => Effect.void }),
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ LOCK_URL, ...env })))
      )
      return { code, ...said }
    })

  let files = 0
  const newFile = () => join(folder, `file-${++files}`)

  const isHeld = (key: string) =>
    Effect.flatMap(Effect.orDie(looking), (client) => Effect.promise(() => client.exists(`lock:{${key}}`))).pipe(
      Effect.map((count) => count === 1)
    )

  const isFree = (key: string) => Effect.map(isHeld(key), (held) => !held)

  const waitsFor = (key: string, count = 1) =>
    until(Effect.flatMap(
      Effect.orDie(looking),
      (client) => Effect.map(Effect.promise(() => client.zcard(`lock:{${key}}:q`)), (waiting) => waiting === count)
    ))

  return { commandLine, folder, inTerminal, isFree, isHeld, newFile, ran, told, tool, url, waitsFor }
}

/** Whether there is a process, which is no zombie that nobody has buried yet. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}
