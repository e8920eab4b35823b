/**
 * A command that runs as if the tool were not there: in the same terminal, session and process
 * group, with the same standard streams and environment. (Other open files would be inherited, too,
 * but Node does not tell which there are.) It uses Node's own `spawn`, since Effect's starts a new
 * session or hides how the child ended.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs"
import { Ending, exits } from "./exits.ts"
import { type Signal, statusOf } from "./signals.ts"

/**
 * The environment variable by which the descendants of a command are recognized: a word for each
 * of the tools that they have come of, since one may run another.
 */
const mark = "EFFECT_LOCK_RUN"

const marksIn = (environment: string): ReadonlyArray<string> =>
  environment.split("\0").find((one) => one.startsWith(`${mark}=`))?.slice(mark.length + 1).split(" ") ?? []

const pause = "100 millis"

/** The terminal sends the signals of its keys to the whole foreground group, and so to the child. */
const ofTerminal: ReadonlySet<Signal> = new Set(["SIGINT", "SIGQUIT"])

const ending: ReadonlySet<Signal> = new Set(["SIGHUP", "SIGINT", "SIGTERM"])

const hasTerminal = (): boolean => {
  try {
    closeSync(openSync("/dev/tty", "r"))
    return true
  } catch {
    return false
  }
}

/** Undefined if there is no /proc, or the process is gone or another user's. */
const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

/** Its name may contain spaces and parentheses, so the fields start after the last one. */
const groupOf = (pid: number | "self"): string => read(`/proc/${pid}/stat`).replace(/^.*\)/s, "").split(" ")[3]

const pids = (): ReadonlyArray<number> => {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone.
  }
}

class Child {
  private readonly process: ChildProcess
  /** Its own word in {@link mark}. */
  private readonly id: string
  private readonly group = groupOf("self")
  /** The last signal it was sent that ends programs. */
  private told: Signal | undefined = undefined
  /** Somebody wants it to end, perhaps from the terminal. */
  isToldToEnd = false

  constructor(process: ChildProcess, id: string) {
    this.process = process
    this.id = id
  }

  private get status(): number | undefined {
    const { exitCode, signalCode } = this.process
    return signalCode === null ? exitCode ?? undefined : statusOf(signalCode)
  }

  /** Its exit status, as in a shell. */
  get ended(): Effect.Effect<number> {
    return Effect.callback((resume) => {
      const look = () => {
        if (this.status !== undefined) resume(Effect.succeed(this.status))
      }
      this.process.once("exit", look)
      look()
      return Effect.sync(() => this.process.off("exit", look))
    })
  }

  /** The processes that it has left running in its group. Unknown on systems without /proc. */
  left(): ReadonlyArray<number> {
    return pids().filter((pid) =>
      pid !== process.pid && pid !== this.process.pid && groupOf(pid) === this.group &&
      marksIn(read(`/proc/${pid}/environ`)).includes(this.id)
    )
  }

  /** Waits until none are left. The signal that ended the command is meant for them, too. */
  get allEnded(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const heard = new Set<number>()
      for (let left = this.left(); left.length > 0; left = this.left()) {
        for (const pid of left) {
          if (this.told !== undefined && !heard.has(pid)) kill(pid, this.told)
          if (this.told !== undefined) heard.add(pid)
        }
        yield* Effect.sleep(pause)
      }
    })
  }

  /** Passes a signal on, unless the terminal has sent it to all. */
  pass(signal: Signal): void {
    if (ending.has(signal)) this.isToldToEnd = true
    if (ofTerminal.has(signal) && hasTerminal()) return
    if (ending.has(signal)) this.told = signal
    if (this.status === undefined) this.process.kill(signal)
    else for (const pid of this.left()) kill(pid, signal)
  }

  /** The command first: a shell that only sees its child end would go on with its script. */
  private tellAll(signal: NodeJS.Signals): void {
    const left = this.left()
    if (this.status === undefined) this.process.kill(signal)
    for (const pid of left) kill(pid, signal)
  }

  /** Ends it and its group, by force after `grace`. */
  stop(grace: Duration.Duration): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.status !== undefined && this.left().length === 0) return
      const gone = Effect.andThen(this.ended, this.allEnded)
      this.tellAll("SIGTERM")
      // A stopped process handles no other signal.
      this.tellAll("SIGCONT")
      if (Option.isSome(yield* Effect.timeoutOption(gone, grace))) return
      this.tellAll("SIGKILL")
      yield* gone
    })
  }
}

export type { Child }

/**
 * Starts a command. If the scope closes before the command and its group have ended, they are told
 * to end, and killed after `grace`.
 */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly env: Record<string, string>; readonly grace: Duration.Duration }
): Effect.Effect<Child, Ending, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const id = randomUUID()
      const outer = process.env[mark]
      const env = { ...process.env, ...options.env, [mark]: outer === undefined ? id : `${outer} ${id}` }
      return Effect.map(spawned(command, args, env), (child) => new Child(child, id))
    }),
    (child) => child.stop(options.grace)
  )

const spawned = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) =>
  Effect.callback<ChildProcess, Ending>((resume) => {
    const refuse = ({ code, message }: NodeJS.ErrnoException) => {
      const isMissing = code === "ENOENT" || command === ""
      const why = isMissing ? "not found" : `cannot be run (${code ?? message})`
      resume(Effect.fail(
        new Ending({ status: isMissing ? exits.notFound : exits.cannotRun, message: `${command}: ${why}` })
      ))
    }
    try {
      const child = spawn(command, args, { stdio: "inherit", env })
      child.once("spawn", () => resume(Effect.succeed(child)))
      child.once("error", refuse)
    } catch (thrown) {
      // Node throws some of the errors of a command.
      refuse(thrown as NodeJS.ErrnoException)
    }
  })
