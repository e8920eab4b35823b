/** Servers of the benchmark's own, on free loopback ports. */
import { type ChildProcess, spawn } from "node:child_process"
import { connect, createServer } from "node:net"
import { sleep } from "./scenario.ts"

export interface Server {
  readonly port: number
  readonly stop: () => void
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

const start = async (command: string, args: (port: number) => ReadonlyArray<string>): Promise<Server> => {
  const port = await freePort()
  let ended: unknown
  const child: ChildProcess = spawn(command, args(port), { stdio: "ignore" })
  child.once("error", (error) => ended = error)
  child.once("exit", (code) => ended ??= new Error(`${command} exited with ${code}`))
  const stop = () => void child.kill("SIGKILL")
  process.once("exit", stop)
  while (!(await accepts(port))) {
    if (ended !== undefined) throw ended
    await sleep(20)
  }
  return { port, stop }
}

export const redis = (): Promise<Server> =>
  start("redis-server", (port) => ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])

export const memcached = (): Promise<Server> =>
  start("memcached", (port) => [
    ...(process.getuid?.() === 0 ? ["-u", "root"] : []),
    "-l",
    "127.0.0.1",
    "-p",
    `${port}`,
    "-U",
    "0"
  ])
