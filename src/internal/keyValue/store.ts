/**
 * The protocol: a lock is a record with the token of its holder, written over what
 * is there and read back. The last of several writers has the lock.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, LockStore } from "../../LockStore.ts"
import { type Expiring, ExpiringMap } from "../expiringMap.ts"
import { fenceAt, monotonicMillis } from "../time.ts"
import type { Cache } from "./cache.ts"
import * as Entry from "./entry.ts"
import { backend } from "./failure.ts"
import { nameOf } from "./name.ts"
import { longest, Record } from "./record.ts"
import { Serial } from "./serial.ts"

export const make = <E>(cache: Cache<E>): Effect.Effect<LockStore> =>
  Effect.map(Effect.context<never>(), (context): LockStore => {
    const clock = Context.get(context, Clock.Clock)
    const fork = Effect.runForkWith(context)
    const serial = new Serial()
    const ends = new Entry.Ends(clock)
    /** The records of our holders, by key: restored if a late call has replaced one. */
    const held = new ExpiringMap<Expiring & { readonly entry: Entry.Entry }>()
    let lastFence = 0

    const now = () => clock.currentTimeMillisUnsafe()

    const withRecord = <A>(
      operation: string,
      key: string,
      token: string | undefined,
      f: (record: Record<E>) => Effect.Effect<A, BackendFailure>
    ): Effect.Effect<A, BackendFailure> =>
      serial.run(
        key,
        Effect.flatMap(nameOf(operation, key), (name) => {
          const whenLate = () => {
            fork(mend(key, token))
          }
          return f(new Record(cache, ends, { operation, key, name }, whenLate))
        })
      )

    const forget = (key: string, token: string): void => {
      if (held.get(key)?.entry.token === token) held.delete(key)
    }

    /**
     * A write or removal of the token's record was executed late, and may have replaced the record
     * of the current holder.
     */
    const mend = (key: string, token: string | undefined): Effect.Effect<void> =>
      withRecord(
        "release",
        key,
        token,
        Effect.fnUntraced(function*(record) {
          const entry = yield* record.read
          const own = held.get(key)?.entry
          const isOurs = entry === undefined || entry.token === token || entry.token === own?.token
          if (!isOurs || Entry.isSame(entry, own)) return
          const left = own === undefined ? 0 : own.expiresAt - now()
          yield* own !== undefined && left > 0 ? record.put(own, Math.ceil(left)) : record.remove
        })
      ).pipe(Effect.retry({ times: 5, schedule: Schedule.exponential("100 millis") }), Effect.ignore)

    /** Writes the record of a lease from `at` on, and reads back who has the key. */
    const write = (
      record: Record<E>,
      { expiresMillis: lease, key, token }: Pick<Claim, "expiresMillis" | "key" | "token">,
      fence: number,
      at: number
    ): Effect.Effect<Attempt, BackendFailure> => {
      const entry: Entry.Entry = { token, expiresAt: at + lease, lease, fence }
      return Effect.map(record.write(entry, lease), (after): Attempt => {
        if (after.token !== token) return { _tag: "Held", token: after.token }
        const now = monotonicMillis(clock)
        held.set(key, { entry, endsAt: now + lease }, now)
        return { _tag: "Acquired", fencingToken: fence }
      })
    }

    return {
      name: backend,
      patience: longest,
      tryAcquire: (claim) =>
        withRecord(
          "acquire",
          claim.key,
          claim.token,
          Effect.fnUntraced(function*(record) {
            const before = yield* record.read
            const at = now()
            const remainingMillis = record.remaining(before)
            const isLive = before !== undefined && remainingMillis !== undefined
            if (isLive && before.token !== claim.token) return { _tag: "Held", token: before.token, remainingMillis }
            const fence = isLive ? before.fence : Math.max(lastFence, before?.fence ?? 0, fenceAt(at) - 1) + 1
            lastFence = Math.max(lastFence, fence)
            return yield* write(record, claim, fence, at)
          })
        ),
      transfer: (from, claim) =>
        withRecord(
          "acquire",
          claim.key,
          claim.token,
          Effect.fnUntraced(function*(record) {
            const entry = yield* record.live
            if (entry === undefined || (entry.token !== from && entry.token !== claim.token)) {
              return { _tag: "Held", token: entry?.token }
            }
            lastFence = Math.max(lastFence, entry.fence) + 1
            return yield* write(record, claim, lastFence, now())
          })
        ),
      extend: (extension) =>
        withRecord(
          "extend",
          extension.key,
          extension.token,
          Effect.fnUntraced(function*(record) {
            const entry = yield* record.live
            if (entry?.token === extension.token) {
              return (yield* write(record, extension, entry.fence, now()))._tag === "Acquired"
            }
            forget(extension.key, extension.token)
            return false
          })
        ),
      release: (key, token) =>
        withRecord(
          "release",
          key,
          token,
          Effect.fnUntraced(function*(record) {
            forget(key, token)
            if ((yield* record.live)?.token !== token) return false
            yield* record.removeOf(token)
            return true
          })
        ),
      forget,
      inspect: (key) =>
        withRecord("inspect", key, undefined, (record) =>
          Effect.map(record.read, (entry) => {
            const remainingMillis = record.remaining(entry)
            return entry === undefined || remainingMillis === undefined
              ? Option.none()
              : Option.some({ token: entry.token, remainingMillis })
          }))
    }
  })
