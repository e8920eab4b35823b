/** Real servers for tests, each a child process on a free loopback port, stopped with the scope. */
import { Data, Effect, Schedule } from "effect"
import type { Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { connect, createServer } from "node:net"

export class ServerError extends Data.TaggedError("ServerError")<{ readonly message: string }> {}

/** A loopback port that was free a moment ago. */
export const freePort: Effect.Effect<number> = Effect.callback<number>((resume) => {
  const probe = createServer()
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
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

export interface Server {
  readonly port: number
  readonly process: ChildProcess
}

/** Stops the process the hard way and waits until it is gone. */
export const kill = (process: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (process.exitCode !== null || process.signalCode !== null) return resume(Effect.void)
    process.once("exit", () => resume(Effect.void))
    process.kill(signal)
  })

/** Starts `command` and waits until it accepts connections at `port`. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  port: number
): Effect.Effect<Server, ServerError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { stdio: "ignore" })),
    (process) => kill(process)
  ).pipe(
    Effect.tap((process) =>
      Effect.raceFirst(
        accepts(port).pipe(
          Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ times: 500 })))
        ),
        Effect.callback<void, ServerError>((resume) => {
          process.once("error", (error) => resume(Effect.fail(new ServerError({ message: error.message }))))
          process.once(
            "exit",
            (code) => resume(Effect.fail(new ServerError({ message: `${command} exited with ${code}` })))
          )
        })
      )
    ),
    Effect.map((process) => ({ port, process }))
  )
