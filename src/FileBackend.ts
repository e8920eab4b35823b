/**
 * Locks among the processes of one host, in a directory: for command line tools, cron jobs and
 * workers that share a machine and have no lock server.
 *
 * **When to use**
 *
 * Use when all processes run on one host (also in containers, if they share the directory). Use
 * `RedisBackend` for several hosts, and `InMemoryBackend` for one process.
 *
 * **Details**
 *
 * - A lock is a directory with one empty file in it, whose name says who holds the lock and until
 *   when. Every change is one atomic `rename`, which succeeds for one process only, so no change
 *   can be half done, whenever a process is killed.
 * - If a key is shared, the file's name refers to a second file with the list of its holders, which
 *   is written before the rename and never changed.
 * - Waiters are served in the order of arrival, and woken by the file system (`fs.watch`). They
 *   also look once a second, in case the process that should wake them has died. If the system has
 *   no watches left, they only poll, and a warning says so.
 * - Leases use the host's monotonic clock, which all its processes share. Setting the wall clock
 *   changes nothing.
 * - If a holder's process is gone, the next call acquires the lock at once, and a waiter within a
 *   second. Across containers, where process ids say nothing, and if a process hangs, the lease has
 *   to expire.
 * - Fencing tokens are the wall clock in microseconds. They increase even if that clock is set
 *   back, if the host restarts, or if the key has been removed from the disk in between.
 * - Only names in directories, and the lists of holders, are written. On a full disk, only a key
 *   that is not there yet and a change of a shared key need space.
 *
 * It only uses `node:fs`, synchronously: an operation takes some ten microseconds, less than
 * handing it to another thread.
 *
 * **Gotchas**
 *
 * - The file system must be a local one. Network file systems, and those that a virtual machine
 *   shares with its host, are refused where Linux can tell.
 * - All processes must be of the same user, or of users who may rename each
 *   other's files there.
 * - It is tested on Linux, with ext4, tmpfs and overlayfs, but not on macOS and Windows. Bun and
 *   Deno are refused as long as their monotonic clock starts with the process.
 * - A child process survives when its parent, which held the lock, is killed. If the child does
 *   what the lock protects, switch `detectDead` off.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as FileOptions from "./internal/file/options.ts"
import * as Store from "./internal/file/store.ts"
import { flag, given } from "./internal/given.ts"
import * as LockBackend from "./LockBackend.ts"
import type { LockError } from "./LockError.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * Where the locks are, and how they are kept.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * The path or `file:` URL of a directory on a local file system. It is created if it is missing,
   * for this user only (mode 0700), and should contain nothing else.
   */
  readonly directory: string | URL
  /**
   * How often a waiter looks by itself (default 1 second), in case the process that should wake it
   * dies.
   */
  readonly poll?: Duration.Input | undefined
  /**
   * When an unused key is removed from the disk (default 1 minute). It takes 4 kB, and is acquired
   * faster than a key that has to be created. Unused keys are also removed when the backend is
   * closed.
   */
  readonly keepIdle?: Duration.Input | undefined
  /**
   * Whether a lock can be acquired as soon as its holder's process is gone (default true), or only
   * when its lease has ended.
   */
  readonly detectDead?: boolean | undefined
}

/**
 * The store behind {@link layer}, to be used with `LockBackend.make` or on its
 * own. Several stores on one directory contend with each other as processes do.
 *
 * **Errors**
 *
 * - `InvalidOptions`: an option is invalid
 * - `BackendFailure` of kind `Unsupported`: the directory is on a network file
 *   system, or this runtime's monotonic clock is not the host's
 * - `BackendFailure` of kind `Unauthorized`, `ReadOnly` or `OutOfMemory`: the directory cannot be
 *   created
 *
 * **Example** (Looking at a lock without a backend)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import * as FileBackend from "effect-lock/FileBackend"
 * import { mkdtempSync, rmSync } from "node:fs"
 * import { tmpdir } from "node:os"
 *
 * const directory = mkdtempSync(`${tmpdir()}/locks-`)
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* FileBackend.makeStore({ directory })
 *   yield* store.tryAcquire({ key: "report", token: "1-a", expiresMillis: 60_000, wait: false })
 *   return Option.map(yield* store.inspect("report"), ({ token }) => token)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program)) // => Option.some("1-a")
 * rmSync(directory, { recursive: true })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeStore = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<LockStore, LockError, Scope.Scope> {
  const settings = yield* FileOptions.check(
    yield* given(options, `{ directory: "/var/lock/app" }`, { detectDead: flag })
  )
  yield* FileOptions.open(settings.root)
  return yield* Store.make(settings)
})

/**
 * Locks in a directory, among the processes of this host that use it.
 *
 * **Details**
 *
 * The layer fails as {@link makeStore} does. Later, a lock fails with `BackendFailure`:
 * `OutOfMemory` if the disk is full and the key is new or shared, `ReadOnly` and `Unauthorized` if
 * the file system says so, `WrongType` if something else than a lock is at its path.
 *
 * If the directory is removed while locks are held, they are lost at their next renewal
 * (`LockLost`).
 *
 * **Example** (Once per host)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as FileBackend from "effect-lock/FileBackend"
 * import { mkdtempSync, rmSync } from "node:fs"
 * import { tmpdir } from "node:os"
 *
 * const directory = mkdtempSync(`${tmpdir()}/locks-`)
 *
 * const program = Effect.succeed("backed up").pipe(
 *   Lock.withLock("backup", { timeout: 0 }),
 *   Effect.catchReason("LockError", "LockTimeout", (busy) => Effect.succeed(busy.message)),
 *   Effect.provide(FileBackend.layer({ directory }))
 * )
 *
 * await Effect.runPromise(program) // => "backed up"
 * rmSync(directory, { recursive: true })
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (options: Options): Layer.Layer<LockBackend.LockBackend, LockError> =>
  LockBackend.layer(makeStore(options))

/**
 * {@link layer} with options from `Config`.
 *
 * **Example** (The directory from the environment)
 *
 * ```ts
 * import { Config } from "effect"
 * import * as FileBackend from "effect-lock/FileBackend"
 *
 * export const locks = FileBackend.layerConfig({
 *   directory: Config.String("LOCK_DIRECTORY").pipe(Config.withDefault("/var/lock/app"))
 * })
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<LockBackend.LockBackend, LockError | Config.ConfigError> =>
  LockBackend.layer(Effect.flatMap(Config.unwrap(options), makeStore))
