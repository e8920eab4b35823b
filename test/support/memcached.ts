/** A real memcached for tests, and a raw text connection to look at it from outside. */
import { Effect, Scope } from "effect"
import { connect } from "node:net"
import { freePort, kill, type Server, type ServerError, start } from "./server.ts"

export interface Memcached {
  readonly port: number
  readonly process: () => Server["process"]
  /** Kills the process, whatever it is doing. */
  readonly stop: Effect.Effect<void>
  /** Kills the process if it runs, and starts another one at the same port. */
  readonly restart: Effect.Effect<void, ServerError>
  /** Sends text commands, and returns the answers, up to an `END`, `OK` or the like. */
  readonly command: (text: string) => Effect.Effect<string>
}

const talk = (port: number, text: string): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const socket = connect(port, "127.0.0.1")
    let received = ""
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1")
      if (/(^|\r\n)(END|OK|STORED|NOT_STORED|DELETED|NOT_FOUND|ERROR.*|CLIENT_ERROR.*|EN|HD.*)\r\n$/.test(received)) {
        socket.end()
        resume(Effect.succeed(received))
      }
    })
    socket.on("error", (error) => resume(Effect.die(error)))
    socket.write(`${text}\r\n`)
  })

/** Starts memcached with additional arguments; `env` is for its environment (`NAME=value`). */
export const memcached = Effect.fnUntraced(function*(
  args: ReadonlyArray<string> = [],
  env: ReadonlyArray<string> = []
): Effect.fn.Return<Memcached, ServerError, Scope.Scope> {
  const port = yield* freePort
  const user = process.getuid?.() === 0 ? ["-u", "root"] : []
  const run = Scope.provide(
    start("env", [...env, "memcached", ...user, "-l", "127.0.0.1", "-p", `${port}`, "-U", "0", ...args], port),
    yield* Effect.scope
  )
  let server = yield* run
  const stop = Effect.suspend(() => kill(server.process))
  return {
    port,
    process: () => server.process,
    stop,
    restart: Effect.andThen(stop, Effect.map(run, (started) => void (server = started))),
    command: (text) => talk(port, text)
  }
})
