/** Locks among the processes of a host, in a directory: this library and its peers. */
import * as FileBackend from "#effect-lock/FileBackend"
import Database from "better-sqlite3"
import { lock as lockFile, unlock as unlockFile } from "lockfile"
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { closeSync, existsSync, mkdirSync, openSync, utimesSync, writeFileSync } from "node:fs"
import * as properLockfile from "proper-lockfile"
import { monotonic } from "../lib/monotonic.ts"
import { promised, type Session } from "./contestant.ts"
import { openSession } from "./effectLock.ts"

export interface FileContestant {
  readonly name: string
  /** Waiters ask again after that long, where they poll. Without it, the library's default. */
  readonly open: (directory: string, retryMillis?: number) => Promise<Session>
  /** Leaves locks behind, as a process that was killed long ago does; some need time to become stale. */
  readonly abandon?: (directory: string, keys: ReadonlyArray<string>) => Promise<void>
  /** Whether it gets a key, at once. */
  readonly attempt?: (directory: string, key: string) => Promise<boolean>
}

const staleMillis = 2_000

export const ours: FileContestant = {
  name: "effect-lock",
  open: (directory) => openSession(FileBackend.layer({ directory })),
  abandon: async (directory, keys) => {
    const session = await openSession(FileBackend.layer({ directory }))
    await session.hold!(keys)
    // Its owner is gone when this process is.
  },
  attempt: async (directory, key) => {
    const session = await sessionIn(directory)
    return Promise.race([
      session.hold!([key]).then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 3_000))
    ])
  }
}

const sessions = new Map<string, Promise<Session>>()
const sessionIn = (directory: string): Promise<Session> => {
  const session = sessions.get(directory) ?? ours.open(directory)
  sessions.set(directory, session)
  return session
}

const proper: FileContestant = {
  name: "proper-lockfile",
  open: async (directory, retryMillis) => {
    const retries = retryMillis === undefined
      ? { forever: true }
      : { forever: true, factor: 1, minTimeout: retryMillis, maxTimeout: retryMillis, randomize: true }
    return {
      work: promised<() => Promise<void>>((key) => ({
        acquire: () => properLockfile.lock(`${directory}/${key}`, { realpath: false, retries }),
        release: (release) => release()
      })),
      close: () => {}
    }
  },
  abandon: async (directory, keys) => {
    const long = new Date(Date.now() - 60_000)
    for (const key of keys) {
      mkdirSync(`${directory}/${key}.lock`)
      utimesSync(`${directory}/${key}.lock`, long, long)
    }
  },
  attempt: (directory, key) =>
    properLockfile.lock(`${directory}/${key}`, { realpath: false, stale: staleMillis, onCompromised: () => {} })
      .then(() => true, () => false)
}

const lockfile: FileContestant = {
  name: "lockfile",
  open: async (directory, retryMillis = 100) => ({
    work: promised<string>((key) => ({
      acquire: () =>
        new Promise((resolve, reject) => {
          const path = `${directory}/${key}`
          lockFile(path, { wait: 1e8, pollPeriod: retryMillis }, (error) => error ? reject(error) : resolve(path))
        }),
      release: (path) => new Promise((resolve) => unlockFile(path, resolve))
    })),
    close: () => {}
  }),
  abandon: async (directory, keys) => {
    for (const key of keys) closeSync(openSync(`${directory}/${key}`, "wx"))
    // It looks at the time of the last change, which cannot be set.
    await new Promise((resolve) => setTimeout(resolve, staleMillis + 500))
  },
  attempt: (directory, key) =>
    new Promise((resolve) => lockFile(`${directory}/${key}`, { stale: staleMillis }, (error) => resolve(!error)))
}

/** One statement to take it, one to give it back; it polls, as nobody tells. */
const sqlite: FileContestant = {
  name: "better-sqlite3",
  open: async (directory, retryMillis = 5) => {
    const isNew = !existsSync(`${directory}/locks.db`)
    const database = new Database(`${directory}/locks.db`)
    database.pragma("journal_mode = WAL")
    database.pragma("synchronous = NORMAL")
    if (isNew) writeFileSync(`${directory}/made`, "")
    database.exec("CREATE TABLE IF NOT EXISTS locks (key TEXT PRIMARY KEY, token TEXT, until REAL, fence INTEGER)")
    const take = database.prepare(
      "INSERT INTO locks VALUES (@key, @token, @until, 1) ON CONFLICT (key) DO UPDATE " +
        "SET token = @token, until = @until, fence = fence + 1 WHERE token IS NULL OR until <= @now RETURNING fence"
    )
    const give = database.prepare("UPDATE locks SET token = NULL WHERE key = @key AND token = @token")
    return {
      work: promised<string>((key) => ({
        acquire: async () => {
          const token = randomBytes(12).toString("base64url")
          for (;;) {
            const now = monotonic()
            if (take.get({ key, token, until: now + 3_600_000, now }) !== undefined) return token
            await new Promise((resolve) => setTimeout(resolve, retryMillis * (0.5 + Math.random())))
          }
        },
        release: async (token) => give.run({ key, token })
      })),
      close: () => void database.close()
    }
  }
}

/** The kernel's lock, by the program that holds it: it waits in line, has no lease, and is gone with its process. */
const flock: FileContestant = {
  name: "flock(1)",
  open: async (directory) => ({
    work: promised<ChildProcess>((key) => ({
      acquire: () =>
        new Promise((resolve, reject) => {
          const child = spawn("flock", [`${directory}/${key}`, "sh", "-c", "echo; read line"], {
            stdio: ["pipe", "pipe", "inherit"]
          })
          child.once("error", reject)
          child.stdout.once("data", () => resolve(child))
        }),
      release: (child) =>
        new Promise((resolve) => {
          child.once("exit", resolve)
          child.stdin!.end("\n")
        })
    })),
    close: () => {}
  })
}

export const peers: ReadonlyArray<FileContestant> = [proper, lockfile, sqlite, flock]

export const byName = (name: string): FileContestant => [ours, ...peers].find((one) => one.name === name)!
