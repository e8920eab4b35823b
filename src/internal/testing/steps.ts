/** Steps that several cases of the conformance suite take. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { LockError } from "../../LockError.ts"
import type { Attempt, Holder, Listed, LockStore, Page } from "../../LockStore.ts"
import { type Bench, same, that, type Wrong, wrong } from "./case.ts"

/** Waits for a while until so many wait for the key, if the store tells: a busy machine takes its time. */
export const queued = ({ elapse, key, other }: Bench, waiting: number) =>
  Effect.gen(function*() {
    for (let looks = 0; looks < 40; looks++) {
      const { waiters = waiting } = Option.getOrElse(yield* other.inspect(key), (): Partial<Holder> => ({}))
      if (waiters >= waiting) return
      yield* elapse(50)
    }
  })

export const claim = (key: string, token: string, expiresMillis: number, wait = false) => ({
  key,
  token,
  expiresMillis,
  wait
})

export const acquired = (what: string, attempt: Attempt): Effect.Effect<number, Wrong> =>
  attempt._tag === "Acquired"
    ? Effect.succeed(attempt.fencingToken)
    : wrong(`${what}: expected to acquire the key, but it is held by ${attempt.token ?? "somebody"}`)

export const held = (what: string, attempt: Attempt): Effect.Effect<void, Wrong> => same(what, attempt._tag, "Held")

export const isFree = (store: LockStore, key: string) => Effect.map(store.inspect(key), Option.isNone)

/** All pages of a list, each key once. */
export const listing = (store: LockStore, prefix: string) =>
  Effect.gen(function*() {
    const listed = new Map<string, Listed>()
    let from: string | undefined
    do {
      const page: Page = yield* store.list!(prefix, from)
      for (const one of page.locks) listed.set(one.key, one)
      from = page.next
    } while (from !== undefined)
    return Array.from(listed.values())
  })

/** Acquires the key for the token, and returns the earliest time at which the lease may have begun. */
export const take = (bench: Bench, store: LockStore, key: string, token: string, expiresMillis = 60_000) =>
  Effect.gen(function*() {
    const at = yield* bench.now
    const fencingToken = yield* acquired("a free key", yield* store.tryAcquire(claim(key, token, expiresMillis)))
    return { at, fencingToken }
  })

/** The lease of `length` that began at `at` ends by itself, and not before its time. */
export const endsByItself = Effect.fnUntraced(function*(bench: Bench, key: string, at: number, length: number) {
  const { elapse, eventually, grain, now, other, slack, token } = bench
  // Clocks may differ by one percent.
  yield* elapse(Math.max(0, at + length * 0.99 - 2 - (yield* now)) / 2)
  const successor = token()
  let early = Infinity
  yield* eventually(
    "the lease ends",
    length + grain + slack,
    Effect.gen(function*() {
      const attempt = yield* other.tryAcquire(claim(key, successor, 60_000))
      if (attempt._tag === "Acquired") early = at + length * 0.99 - 2 - (yield* now)
      return attempt._tag === "Acquired"
    })
  )
  yield* that(`the lease of ${length} ms ended ${Math.ceil(early)} ms early`, early <= 0)
})

/** A claim of so many permits of a limit; by default as a reader. */
export const portion = (
  key: string,
  token: string,
  expiresMillis: number,
  { limit = Number.MAX_SAFE_INTEGER, permits = 1, wait = false } = {}
) => ({ key, token, expiresMillis, wait, share: { permits, limit } })

export const holdersOf = (store: LockStore, key: string) =>
  store.holders === undefined ? Effect.map(store.inspect(key), Option.toArray) : store.holders(key)

export const permitsOf = (store: LockStore, key: string) =>
  Effect.map(holdersOf(store, key), (holders) => holders.map(({ permits }) => permits ?? "alone").toSorted().join())

export const reasonOf = (exit: Exit.Exit<unknown, LockError | Wrong>): string => {
  if (exit._tag === "Success") return "Success"
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isNone(error)) return exit.cause.reasons[0]?._tag ?? "Empty"
  return error.value._tag === "Wrong" ? "Wrong" : error.value.reason._tag
}
