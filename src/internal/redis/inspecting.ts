/** Inspecting and listing locks, with plain commands where possible. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BackendFailure } from "../../LockError.ts"
import type { Holder, LockStore } from "../../LockStore.ts"
import * as Failure from "./failure.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import * as Reply from "./reply.ts"
import { ask, type Servers } from "./transport.ts"

/** The keys, locks or not, that are scanned for one page of a list. */
const scanSize = 500

/** How often to look at a key that alternates between exclusive and shared. */
const looks = 20

export const make = ({ failure, prefix, scripts, transport }: Ground) => {
  const lockKey = (key: string) => Keys.lockKey(prefix, key)

  const read = (command: string, key: string, of: string): Effect.Effect<unknown, BackendFailure> =>
    Effect.mapError(ask(transport.send, command, 0, [of]), (cause) => failure("inspect", key, cause))

  /** Uses plain commands, for which the right to read suffices, unless the lock is shared. */
  const holders = Effect.fnUntraced(function*(key: string) {
    const lock = lockKey(key)
    // The lock may become shared or exclusive in between. Something that is not a lock stays so.
    for (let times = 1; times <= looks; times++) {
      const type = yield* read("type", key, lock)
      if (type === "zset") {
        const reply = yield* readSharers(key, lock)
        const found = Reply.sharers(reply)
        if (found === undefined) return yield* failure("inspect", key, Reply.notUnderstood(reply))
        if (found.sharers.length === 0 && (yield* read("type", key, lock)) === "string") continue
        return found.sharers.map(({ permits, restMillis, token }): Holder => ({
          token,
          permits,
          remainingMillis: restMillis,
          waiters: found.waiters
        }))
      }
      const replies = yield* Effect.all(
        [read("get", key, lock), read("pttl", key, lock), read("zcard", key, Keys.queueKey(lock))],
        { concurrency: "unbounded" }
      ).pipe(
        Effect.catchIf(
          ({ kind }) => kind === "WrongType" && times < looks && (type === "string" || type === "none"),
          () => Effect.undefined
        )
      )
      if (replies === undefined) continue
      const holder = Reply.inspected(...replies)
      if (holder === undefined) return yield* failure("inspect", key, Reply.notUnderstood(replies[0]))
      if (holder === null || holder.token === undefined) return []
      const { restMillis, token, waiters } = holder
      if (!Reply.isText(token)) return yield* failure("inspect", key, Failure.notALock)
      return [{ token, remainingMillis: restMillis, waiters } satisfies Holder]
    }
    return []
  })

  const readSharers = (key: string, lock: string): Effect.Effect<unknown, BackendFailure> =>
    Effect.mapError(
      ask(transport.send, scripts.holders, 2, [lock, Keys.queueKey(lock)]),
      (cause) => failure("inspect", key, cause)
    )

  const inspect: LockStore["inspect"] = (key) =>
    Effect.map(holders(key), ([first]) => Option.fromUndefinedOr<Holder | undefined>(first))

  /**
   * A page is one SCAN of one server: `next` is its cursor and its server. A server that has left
   * the cluster has given its keys to others.
   */
  const list = (servers: () => Servers) =>
    Effect.fnUntraced(function*(prefixOfKeys: string, from: string | undefined) {
      const { clientPrefix, names, sendTo } = servers()
      const [server, cursor] = from === undefined
        ? [names[0] ?? "", "0"]
        : [from.slice(from.indexOf(" ") + 1), from.split(" ")[0]]
      const scan = ["match", Keys.lockPattern(clientPrefix + prefix), "count", String(scanSize)]
      const reply = yield* Effect.mapError(
        ask((command) => sendTo(server, command), "scan", 0, [cursor, ...scan]),
        (cause) => failure("list", undefined, cause)
      )
      const scanned = Reply.scanned(reply)
      if (scanned === undefined) return yield* failure("list", undefined, Reply.notUnderstood(reply))
      const keys = scanned.names.flatMap((name) => Keys.keyOf(clientPrefix + prefix, name) ?? [])
      const locks = yield* Effect.forEach(
        keys.filter((key) => key.startsWith(prefixOfKeys)),
        (key) => Effect.map(orNobody(holders(key)), (holders) => holders.map((holder) => ({ key, ...holder }))),
        { concurrency: "unbounded" }
      )
      const following = scanned.cursor === "0" ? names.find((name) => name > server) : server
      return { locks: locks.flat(), next: following === undefined ? undefined : `${scanned.cursor} ${following}` }
    })

  /** Something that is not a lock is not held by anybody. */
  const orNobody = (holders: Effect.Effect<ReadonlyArray<Holder>, BackendFailure>) =>
    Effect.catchIf(holders, ({ kind }) => kind === "WrongType", () => Effect.succeed([]))

  return { holders, inspect, list: transport.servers && list(transport.servers) }
}
