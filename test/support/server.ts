/** Real servers for tests, each a child process on a free loopback port, stopped with the scope. */
import { Data, Effect, Schedule } from "effect"
import type { Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { connect, createServer } from "node:net"
import { directory } from "./directory.ts"
import { first } from "./once.ts"

export class ServerError extends Data.TaggedError("ServerError")<{ readonly message: string }> {}

// Below the ports of outgoing connections, one of which could take the port of a server that is being restarted, and with room
// above for the second port of a Redis Cluster node, ten thousand higher.
const ports = { from: 12_000, to: 22_000 }

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.succeed(true))))
  })

/** A free loopback port, which no other test of the run gets. */
export const freePort: Effect.Effect<number> = Effect.suspend(() => {
  const port = ports.from + Math.floor(Math.random() * (ports.to - ports.from))
  if (!first(`port-${port}`)) return freePort
  return Effect.flatMap(isFree(port), (free) => free ? Effect.succeed(port) : freePort)
})

/** Succeeds when something accepts connections at the port. */
export const accepts = (port: number): Effect.Effect<void, ServerError> =>
  Effect.callback<void, ServerError>((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (error) => {
      socket.destroy()
      resume(Effect.fail(new ServerError({ message: error.message })))
    })
  })

/** The file that a process has open as this descriptor, unless it has closed it by now. */
const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ""
  }
}

/** Whether this process listens at the port, where Linux tells: if not, something else answers there. */
const listens = (pid: number, port: number): boolean => {
  try {
    const at = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
    const listening = readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n").map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(at) && state === "0A")
    const sockets = new Set(listening.map((fields) => `socket:[${fields[9]}]`))
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(linkOf(`/proc/${pid}/fd/${fd}`)))
  } catch (error) {
    // It may be another user's, which we may not see. If it has ended, that is noticed elsewhere.
    return process.platform !== "linux" || ["EACCES", "EPERM"].includes(String((error as NodeJS.ErrnoException).code))
  }
}

/** Waits until the process has the port, in case something else answers there: then the process ends soon. */
export const owns = ({ pid }: ChildProcess, port: number): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.repeat(Effect.sync(() => pid === undefined || listens(pid, port)), {
      schedule: Schedule.spaced("20 millis"),
      until: (is) => is
    })
  )

export interface Server {
  readonly port: number
  readonly process: ChildProcess
}

/** Stops the process the hard way and waits until it is gone. */
export const kill = (process: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    // Without a process id it has never started.
    const isGone = process.pid === undefined || process.exitCode !== null || process.signalCode !== null
    if (isGone) return resume(Effect.void)
    process.once("exit", () => resume(Effect.void))
    process.kill(signal)
  })

/** Fails when the process has ended, or cannot start. */
export const exits = (process: ChildProcess, name: string): Effect.Effect<never, ServerError> =>
  Effect.callback((resume) => {
    const fail = (message: string) => resume(Effect.fail(new ServerError({ message })))
    process.once("error", (error) => fail(error.message))
    process.once("exit", (code) => fail(`${name} exited with ${code}`))
  })

/**
 * Starts `command` and waits until it accepts connections at `port`. It runs in a directory of its own: a replica stores there
 * what its primary sends, and a server that finds such a file when it starts loads it.
 */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  port: number
): Effect.Effect<Server, ServerError, Scope.Scope> =>
  directory.pipe(
    Effect.flatMap((cwd) =>
      Effect.acquireRelease(
        Effect.sync(() => spawn(command, args, { stdio: "ignore", cwd })),
        (process) => kill(process)
      )
    ),
    Effect.tap((process) =>
      Effect.raceFirst(
        accepts(port).pipe(
          Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "2 minutes" }))),
          Effect.andThen(owns(process, port))
        ),
        exits(process, command)
      )
    ),
    Effect.map((process) => ({ port, process }))
  )
