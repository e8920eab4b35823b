/**
 * A cache that many read and one fills. Readers share the key, so they are let in
 * together; whoever finds the entry too old takes the key alone, looks again, and
 * fills it. However many find it old at the same moment, it is filled once.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

interface Entry {
  readonly price: number
  /** Of the one who filled it: storage that many programs fill refuses an older one. */
  readonly fence: number
}

let cache: Option.Option<Entry> = Option.none()
let fills = 0
let inside = 0
let most = 0

const fetchPrice = Effect.delay(Effect.sync(() => 40 + ++fills), "30 millis")

const read = Lock.withSharedLock(
  Effect.acquireUseRelease(
    Effect.sync(() => most = Math.max(most, ++inside)),
    () => Effect.delay(Effect.sync(() => cache), "5 millis"),
    () => Effect.sync(() => void inside--)
  ),
  "price"
)

const fill = Lock.withLock(({ fencingToken }) =>
  Effect.gen(function*() {
    // Somebody else may have filled it while we waited.
    if (Option.isSome(cache)) return cache.value
    const entry = { price: yield* fetchPrice, fence: fencingToken }
    cache = Option.some(entry)
    return entry
  }), "price")

// Not inside of `read`: who shares a key would wait for itself, so that fails at once.
const price = Effect.flatMap(read, Option.match({ onNone: () => fill, onSome: Effect.succeed }))

const program = Effect.gen(function*() {
  const first = yield* Effect.all(Array.from({ length: 8 }, () => price), { concurrency: "unbounded" })
  yield* Console.log(`Eight found it empty, and saw ${Array.from(new Set(first.map(({ price }) => price))).join(", ")}`)
  const later = yield* Effect.all(Array.from({ length: 8 }, () => price), { concurrency: "unbounded" })
  yield* Console.log(`Eight more saw ${Array.from(new Set(later.map(({ price }) => price))).join(", ")}`)
  yield* Console.log(`Fetched ${fills} time, read by up to ${most} at once`)
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
