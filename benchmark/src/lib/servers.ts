/** Servers of the benchmark's own, on free loopback ports. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sleep } from "./scenario.ts"

export interface Server {
  readonly port: number
  readonly process: ChildProcess
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
  return { port, process: child, stop }
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

const debian = "/usr/lib/postgresql"

const postgresBin = (): string => {
  const versions = existsSync(debian) ? readdirSync(debian).map(Number).filter(Number.isInteger) : []
  return versions.length === 0 ? "" : `${debian}/${Math.max(...versions)}/bin/`
}

export const postgresVersion = (): string =>
  /\d+(\.\d+)+/.exec(execFileSync(`${postgresBin()}postgres`, ["--version"], { encoding: "utf8" }))?.[0] ?? "?"

/** Commits wait for the disk, as they do wherever data matters. */
export const postgres = async (): Promise<Server> => {
  const bin = postgresBin()
  // It refuses to run as root.
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
  const user = process.getuid?.() === 0 ? { uid: id("-u"), gid: id("-g") } : {}
  const folder = mkdtempSync(join(tmpdir(), "effect-lock-benchmark-"))
  chmodSync(folder, 0o700)
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, "data")
  execFileSync(`${bin}initdb`, ["-D", data, "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C"], {
    ...user,
    cwd: folder,
    stdio: "ignore"
  })
  const port = await freePort()
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories="]
  const child = spawn(`${bin}postgres`, ["-D", data, ...settings.flatMap((one) => ["-c", one])], {
    ...user,
    cwd: data,
    stdio: "ignore"
  })
  const stop = () => {
    child.kill("SIGQUIT")
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  process.once("exit", () => child.kill("SIGQUIT"))
  while (!(await accepts(port))) await sleep(20)
  // It accepts connections a moment before it answers.
  await sleep(500)
  return { port, process: child, stop }
}

/** Seconds of CPU that the processes of a server have used, those that have ended not counted. */
export const cpuOf = (server: Server): number => {
  const ticks = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      // After the name in parentheses: state, parent, and eleven further on the times.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")
      return Number(fields[1]) === server.process.pid ? Number(fields[11]) + Number(fields[12]) : []
    } catch {
      return []
    }
  })
  return ticks.reduce((a, b) => a + b, 0) / 100
}
