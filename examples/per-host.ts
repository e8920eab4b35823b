/**
 * A command that must not run twice on a host: a second start says who runs it
 * and since when. No server is needed, and no stale file is left to be removed by
 * hand: when the first start is killed, the next one runs at once.
 *
 * Set LOCK_DIRECTORY to choose where the locks are.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, DateTime, Effect } from "effect"
import { Lock, type LockError } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import { spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"

const directory = process.env.LOCK_DIRECTORY ??
  join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `backup-locks-${process.getuid?.() ?? "all"}`)

// -----------------------------------------------------------------------------
// The command
// -----------------------------------------------------------------------------

const backup = Effect.andThen(Console.log("backing up"), Effect.sleep("1 minute"))

const busy = ({ holder }: LockError.LockTimeout) => {
  const process = holder?.owner?.split("-").at(-1) ?? "unknown"
  const since = holder?.since === undefined ? "some time" : DateTime.formatIso(holder.since)
  return Console.log(`already running: process ${process}, since ${since}`)
}

const command = backup.pipe(
  Lock.withLock("backup", { timeout: 0 }),
  Effect.catchReason("LockError", "LockTimeout", busy),
  Effect.provide(FileBackend.layer({ directory }))
)

// -----------------------------------------------------------------------------
// Three starts of it
// -----------------------------------------------------------------------------

/** Starts the command in a process of its own, until the scope closes, and gives the first line that it prints. */
const start = (name: string) =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
          env: { ...process.env, EXAMPLE_COMMAND: "yes" },
          stdio: ["ignore", "pipe", "inherit"]
        })
      ),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGKILL")
        })
    )
    const line = yield* Effect.promise(async () =>
      String((await child.stdout.setEncoding("utf8").take(1).toArray())[0])
    )
    yield* Console.log(`${name} start, process ${child.pid}: ${line.trim()}`)
  })

const demonstration = Effect.gen(function*() {
  yield* Effect.scoped(Effect.andThen(start("first"), Effect.scoped(start("second"))))
  yield* Console.log("the first was killed in the middle of it")
  yield* Effect.scoped(start("third"))
})

NodeRuntime.runMain(process.env.EXAMPLE_COMMAND === undefined ? demonstration : command)
