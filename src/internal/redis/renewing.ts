/** Renewing: many leases in one script. */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type { BackendFailure } from "../../LockError.ts"
import type { Extension, LockStore } from "../../LockStore.ts"
import { pushLeases } from "./batch.ts"
import * as Failure from "./failure.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import * as Reply from "./reply.ts"
import type { Tokens } from "./tokens.ts"

/** The most locks in one renewal, which blocks the server for two or three milliseconds. */
const extendBatchSize = 1250

export const make = ({ failure, prefix, scripts, transport }: Ground, tokens: Tokens) => {
  const extendBatch = (
    batch: ReadonlyArray<Extension>
  ): Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure> =>
    Effect.callback((resume) => {
      const args: Array<string | number> = batch.map(({ key }) => Keys.lockKey(prefix, key))
      args.push(JSON.stringify(batch.map(({ token }) => tokens.shares(token) ? `+${token}` : token)))
      pushLeases(args, batch)
      const fail = (cause: unknown) => {
        if (batch.length > 1 && Failure.isRefusal(cause)) return resume(extendEach(batch))
        resume(Effect.fail(failure("extend", batch[0].key, cause)))
      }
      transport.send({
        script: scripts.extend,
        keys: batch.length,
        args,
        sent: false,
        succeed: (reply) => {
          const among = Reply.among(reply, batch.length)
          if (among === undefined) return fail(Reply.notUnderstood(reply))
          resume(Effect.succeed(batch.map((_, i) => !among.others.has(i))))
        },
        fail
      })
    })

  /** One by one, so that a refusal concerns one lock only. */
  const extendEach = (batch: ReadonlyArray<Extension>): Effect.Effect<ReadonlyArray<boolean | BackendFailure>> =>
    Effect.forEach(
      batch,
      (extension) => Effect.match(extendBatch([extension]), { onSuccess: ([one]) => one, onFailure: identity }),
      { concurrency: 128 }
    )

  const extendAll = Effect.fnUntraced(function*(extensions: ReadonlyArray<Extension>) {
    const batches: Array<Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure>> = []
    for (let i = 0; i < extensions.length; i += extendBatchSize) {
      const batch = extendBatch(extensions.slice(i, i + extendBatchSize))
      batches.push(i === 0 ? batch : Effect.andThen(Effect.yieldNow, batch))
    }
    return (yield* Effect.all(batches, { concurrency: 4 })).flat()
  })

  const extend: LockStore["extend"] = (extension) =>
    Effect.flatMap(
      extendBatch([extension]),
      ([one]) => typeof one === "boolean" ? Effect.succeed(one) : Effect.fail(one)
    )

  return { extend, extendAll }
}
