/** `effect-lock doctor`: is this server fit for locks? */
import * as Lock from "effect-lock/Lock"
import type * as LockBackend from "effect-lock/LockBackend"
import type * as LockError from "effect-lock/LockError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Directory from "./directory.ts"
import * as Durations from "./durations.ts"
import { Ending, exits } from "./exits.ts"
import { failed, type Finding, ok, warning } from "./finding.ts"
import * as Memcached from "./memcached.ts"
import { result } from "./output.ts"
import { painter } from "./paint.ts"
import * as Redis from "./redis.ts"
import { backend, quietly, serverUrl } from "./settings.ts"

/** A backend of its own, which the server takes for another process. */
type Process = Context.Context<LockBackend.LockBackend>

const samples = 100

/** A waiter that polls does so every quarter of a second. */
const toldMillis = 150

const millis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = yield* millis
    yield* effect
    return (yield* millis) - before
  })

const show = (millis: number): string => `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`

const isAnswer = ({ reason }: LockError.LockError): boolean =>
  reason._tag === "BackendFailure" && !silent.has(reason.kind)

/** Acquires, extends and releases a key that nobody else uses. */
const locking = (key: string): Effect.Effect<Finding, LockError.LockError, LockBackend.LockBackend> =>
  Lock.withLock((lease) => lease.extend("20 seconds"), key, { timeout: "3 seconds" }).pipe(
    Effect.as(ok("locking", "a lock was taken, extended and given back")),
    // If the server answers, the other checks are worth running, too.
    Effect.catchIf(isAnswer, (error) => Effect.succeed(unfit(error)))
  )

const unfit = ({ message }: LockError.LockError): Finding =>
  failed("locking", message, "there are no locks here", "mend what it says")

const silent: ReadonlySet<LockError.FailureKind> = new Set(["Unreachable", "NoReply", "Closed"])

const roundTrip = (key: string): Effect.Effect<Finding, LockError.LockError, LockBackend.LockBackend> =>
  Effect.map(Effect.replicateEffect(timed(Lock.inspect(key)), samples), (times): Finding => {
    const sorted = times.toSorted((a, b) => a - b)
    const [p50, p99] = [sorted[samples / 2], sorted[Math.ceil(samples * 0.99) - 1]]
    const found = `${show(p50)} (p50), ${show(p99)} (p99), of ${samples}`
    return p99 < 200
      ? ok("round trip", found)
      : warning(
        "round trip",
        found,
        "a lock takes two round trips at least, and a renewal must be back within a third of its lease",
        "bring the server nearer, or make expires at least a hundred times p99"
      )
  })

/** How long after a release another process has the lock. */
const waking = (key: string, there: Process): Effect.Effect<Finding, LockError.LockError, LockBackend.LockBackend> =>
  Effect.gen(function*() {
    const { releasedAt, waiting } = yield* Effect.scoped(Effect.gen(function*() {
      yield* Lock.acquire(key, { timeout: "3 seconds" })
      const waiting = yield* Effect.forkDetach(Effect.provideContext(Lock.withLock(millis, key), there))
      yield* Effect.sleep("500 millis")
      return { releasedAt: yield* millis, waiting }
    }))
    const took = (yield* Fiber.join(waiting)) - releasedAt
    const found = `one who waited had the lock ${show(took)} after its release`
    return took < toldMillis
      ? ok("waking", found)
      : warning(
        "waking",
        found,
        "those who wait are not told of a release, and find out when they look again",
        "see pub/sub; some stores, such as memcached, can only be asked again and again"
      )
  })

/** The permissions for more than a lock: sharing, and listing. */
export const rights = (key: string): Effect.Effect<Finding, never, LockBackend.LockBackend> =>
  Effect.gen(function*() {
    const attempt = <A>(what: string, effect: Effect.Effect<A, LockError.LockError, LockBackend.LockBackend>) =>
      Effect.match(effect, {
        onSuccess: () => ({ what, kind: undefined, isRefused: false, why: "" }),
        onFailure: ({ message, reason }) => {
          const kind = reason._tag === "BackendFailure" ? reason.kind : undefined
          return { what, kind, isRefused: kind !== "Unsupported", why: message }
        }
      })
    const tried = [
      yield* attempt("share a lock", Lock.withSharedLock(Effect.void, key, { timeout: "3 seconds" })),
      yield* attempt("list locks", Stream.runHead(Lock.list({ prefix: key })))
    ]
    const refused = tried.filter(({ isRefused }) => isRefused)
    const can = tried.filter(({ why }) => why === "").map(({ what }) => what)
    return refused.length === 0
      ? ok("rights", ["take a lock", ...can].join(", "))
      : warning(
        "rights",
        refused.map(({ what, why }) => `cannot ${what}: ${why}`).join("; "),
        "programs that want that fail here",
        refused.some(({ kind }) => kind === "Unauthorized")
          ? "give the user the rights that the documentation of the backend names"
          : "mend what it says"
      )
  })

const findings = (url: string) =>
  Effect.scoped(Effect.gen(function*() {
    const here = yield* Layer.build(Layer.fresh(backend))
    const there = yield* Layer.build(Layer.fresh(backend))
    const key = `effect-lock-doctor-${randomUUID()}`
    const first = yield* Effect.provideContext(locking(key), here)
    const more = first.verdict === "failed"
      ? []
      : yield* Effect.provideContext(Effect.all([roundTrip(key), waking(key, there), rights(key)]), here)
    return [first, ...more, ...yield* ofServer(url)]
  })).pipe(
    // A directory can be checked even if the backend refuses it.
    Effect.catchIf(
      (error) => error._tag === "LockError" && isAnswer(error) && schemeOf(url) === "file",
      (error) => Effect.map(ofServer(url), (own) => [unfit(error as LockError.LockError), ...own])
    )
  )

const schemeOf = (url: string): string => url.slice(0, Math.max(0, url.indexOf(":"))).toLowerCase()

/** The checks of each kind of server. */
const ofServer = (url: string): Effect.Effect<ReadonlyArray<Finding>> => {
  const scheme = schemeOf(url)
  if (/^(?:redis|valkey)/.test(scheme)) return Redis.findings(url)
  if (scheme.startsWith("memcache")) return Memcached.findings(url)
  if (scheme.startsWith("postgres")) {
    // The driver may not be installed.
    return Effect.flatMap(Effect.promise(() => import("./postgres.ts")), ({ findings }) => findings(url))
  }
  return scheme === "file" ? Directory.findings(url) : Effect.succeed([])
}

const marks = { ok: "ok     ", warning: "WARNING", failed: "FAILED " }
const colours = { ok: "green", warning: "yellow", failed: "red" } as const

const line = ({ check, found, means, todo, verdict }: Finding): string =>
  [
    `${painter(process.stdout)(colours[verdict], marks[verdict])} ${check}: ${found}`,
    means && `        That means: ${means}.`,
    todo && `        To do: ${todo}.`
  ]
    .filter((text) => text !== undefined).join("\n")

const flags = {
  timeout: Durations.flag("timeout", "How long all of it may take (15s)").pipe(Flag.withDefault(Duration.seconds(15)))
}

export const doctor = Command.make("doctor", flags, ({ timeout }) =>
  Effect.gen(function*() {
    const url = Redacted.value(yield* serverUrl)
    const found = yield* Effect.timeoutOrElse(findings(url), {
      duration: timeout,
      orElse: () =>
        Effect.fail(
          new Ending({
            status: exits.unavailable,
            message: `no answer to all questions within ${Duration.format(timeout)}`
          })
        )
    })
    const isFit = found.every(({ verdict }) => verdict !== "failed")
    yield* result(() => found.map(line).join("\n"), { fit: isFit, findings: found })
    if (!isFit) return yield* new Ending({ status: exits.no })
  }).pipe(quietly)).pipe(
    Command.withDescription(
      "Looks at a server as a place for locks: whether it can be reached and used, how fast it is, whether those who " +
        "wait are told; of Redis its version, eviction, replicas, pub/sub and clock; of PostgreSQL its version, replicas, " +
        "durability, table, connections, LISTEN and clock; of memcached its evictions; of a directory its file system and " +
        "rights; each with what it means and what to do. It takes one lock of its own for a moment. Ends with 1 when the " +
        "server is not fit, and 69 when it cannot be reached."
    ),
    Command.withShortDescription("Is this server fit for locks?"),
    Command.withExamples([{
      command: "LOCK_URL=redis://localhost effect-lock doctor",
      description: "Of a local Redis"
    }])
  )
