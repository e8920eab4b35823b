/**
 * Locks among the processes of one host, in a directory: for command line tools,
 * cron jobs and workers that share a machine and have no server to lock with.
 *
 * **When to use**
 *
 * Use when all who want the lock run on one host (in containers too, if they
 * share the directory). Take `RedisBackend` when there are several hosts, and
 * `InMemoryBackend` when there is one process.
 *
 * **Details**
 *
 * - A lock is a directory with one empty file in it, whose name says who holds
 *   the lock and until when. Every change is one `rename`, which the kernel grants
 *   to one process only, so nothing can be half done, whenever a process is killed.
 * - A key may be shared: then the file's name has that of another one beside it, a
 *   list of those who do, which is written before the rename and never changed.
 * - Whoever waits is served in the order of arrival, and woken by the file
 *   system (`fs.watch`): no polling, but for a look every second in case nobody
 *   lived to wake us. Where the system has no watch left that look is all there is,
 *   and a warning says so.
 * - Leases are told by the host's monotonic clock, which all its processes share.
 *   Clocks that are set, and processes that disagree on the time, change nothing.
 * - A holder that was killed, alone or among others, is replaced at once by the next who asks, since its
 *   process is gone, and within a second by one who waits already. Across
 *   containers, where process ids say nothing, and after a process that hangs,
 *   the lease decides.
 * - Fencing tokens are the wall clock in microseconds, and greater than every
 *   one before also when that clock is set back, when the host restarts, and when
 *   the key has been removed from the disk in between.
 * - Nothing is written but names in directories, and those lists. Nothing needs room
 *   on a full disk but a key that is not there yet, and a change of who shares one.
 *
 * It uses `node:fs` and nothing else, and calls it synchronously: an operation
 * takes some ten microseconds, less than handing it to another thread.
 *
 * **Gotchas**
 *
 * - The file system must be the host's own. Network file systems, and what a
 *   virtual machine shares with its host, are refused where Linux can tell.
 * - All processes must be of the same user, or of users who may rename each
 *   other's files there.
 * - It is tested on Linux, with ext4, tmpfs and overlayfs. On macOS and Windows it
 *   is not tested. Bun and Deno are refused as long as their monotonic clock
 *   begins with the process.
 * - A child process goes on when its parent, who had the lock, is killed. If it
 *   does what the lock protects, switch `detectDead` off.
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
 * Where the locks are, and how patient to be.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * A path, or a `file:` URL; of a local file system. It is made when it is missing,
   * for this user alone (mode 0700), and should have nothing else in it.
   */
  readonly directory: string | URL
  /**
   * How often one who waits looks by itself (default 1 second), in case that the
   * process which would wake it dies.
   */
  readonly poll?: Duration.Input | undefined
  /**
   * When a key that nobody uses leaves the disk (default 1 minute). It takes 4 kB
   * there, and is faster to take than one that has to be made. Keys also leave when
   * the backend is closed.
   */
  readonly keepIdle?: Duration.Input | undefined
  /**
   * Whether a lock is taken over at once when the process that has it is gone
   * (default true), or only when its lease has ended.
   */
  readonly detectDead?: boolean | undefined
}

/**
 * The store behind {@link layer}, to be used with `LockBackend.make` or on its
 * own. Several stores on one directory contend with each other as processes do.
 *
 * **Errors**
 *
 * - `InvalidOptions`: an option makes no sense
 * - `BackendFailure` of kind `Unsupported`: the directory is on a network file
 *   system, or this runtime's monotonic clock is not the host's
 * - `BackendFailure` of kind `Unauthorized`, `ReadOnly` or `OutOfMemory`: the
 *   directory cannot be made
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
 * Locks in a directory, among all processes of this host that use it.
 *
 * **Details**
 *
 * The layer fails as {@link makeStore} does. Later, a lock fails with
 * `BackendFailure`: `OutOfMemory` when the disk is full and the key not there yet, or shared,
 * `ReadOnly` and `Unauthorized` when the file system says so, `WrongType` when
 * something that is no lock is where the lock would be.
 *
 * Removing the directory while locks are held is noticed at their next renewal,
 * which ends them with `LockLost`.
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
