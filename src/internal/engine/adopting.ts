/**
 * Takes a key over from a token that somebody has left behind: asks the store to transfer it to a token of ours
 * until it says yes or no, or the timeout has passed.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { LockRequest } from "../../LockConfig.ts"
import { type LockError, LockLost } from "../../LockError.ts"
import type { Attempt } from "../../LockStore.ts"
import { failWith } from "../failing.ts"
import type { Caller, Restore } from "../guard.ts"
import { wholeMillis } from "../time.ts"
import type { Reply } from "./call.ts"
import { Claim } from "./claim.ts"
import { isFailure } from "./failures.ts"
import { closed, type Keys } from "./keys.ts"
import type { Lease } from "./lease.ts"

const firstGapMillis = 20
const longestGapMillis = 1_000

export const adopt = (
  keys: Keys,
  token: string,
  request: LockRequest,
  caller: Caller,
  restore: Restore
): Effect.Effect<Lease, LockError> => {
  const { debts, journal, port, sharing } = keys
  const { expiresMillis, key, renew, timeoutMillis } = request
  const { alarms } = port
  if (keys.closed) return closed(keys, key, caller)
  const invalid = port.invalidExpires(expiresMillis, renew)
  if (invalid !== undefined) return Exit.fail(invalid)
  if (port.store.transfer === undefined) return failWith(port.failures.untransferable(key), caller)
  const startedAt = alarms.now()
  const claim = new Claim(port, debts, keys.nextToken(startedAt, request.owner), request)
  const endsAt = startedAt + timeoutMillis

  /** As with every claim, an attempt that is given up may still be executed. */
  const attempt = (at: number): Effect.Effect<Reply<Attempt>> => {
    const call = claim.transfer(token, at)
    if (call.reply !== undefined) return Exit.succeed(call.reply)
    return restore(Effect.callback<Reply<Attempt>>((resume) => {
      call.wait(
        at + Math.min(port.patience, expiresMillis),
        (reply = port.failures.noReply("acquire", key)) => resume(Effect.succeed(reply))
      )
      return Effect.sync(() => call.leave())
    }))
  }

  const taking = Effect.gen(function*() {
    for (let gap = firstGapMillis;; gap = Math.min(2 * gap, longestGapMillis)) {
      const reply = yield* attempt(alarms.now())
      const at = alarms.now()
      if (keys.closed) return yield* closed(keys, key, caller)
      if (reply._tag === "Held") {
        const why = reply.token === undefined ? "Expired" : "Taken"
        return yield* failWith(() => new LockLost({ key, why, held: wholeMillis(0) }), caller)
      }
      if (reply._tag === "Acquired") {
        const deadline = claim.deadline(at)
        if (deadline !== undefined) {
          const lease = claim.won(sharing, request, reply.fencingToken, at, deadline, 0)
          sharing.lend(lease, undefined)
          journal.acquired(lease, at - startedAt)
          return lease
        }
      } else if (!reply.retryable) return yield* failWith(reply, caller)
      if (at >= endsAt) {
        return yield* failWith(isFailure(reply) ? reply : port.failures.noReply("acquire", key), caller)
      }
      yield* restore(claim.news.sleep(Math.min(at + gap, endsAt)))
    }
  })
  return Effect.onExitPrimitive(taking, (exit) => {
    if (exit._tag === "Failure") claim.disown()
    return undefined
  }, true)
}
