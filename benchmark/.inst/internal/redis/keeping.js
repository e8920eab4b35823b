/** Renewing: many leases in one script. */
import * as Effect from "effect/Effect";
import { identity } from "effect/Function";
import { pushLeases } from "./batch.js";
import * as Failure from "./failure.js";
import * as Reply from "./reply.js";
/** Locks in one renewal: the server is held up by them for two or three milliseconds. */
const extendBatchSize = 1250;
/** `shares`: whether a token is known to share its lock. */
export const make = (transport, scripts, lockKey, shares, failure) => {
    const extendBatch = (batch) => Effect.callback((resume) => {
        const args = batch.map(({ key }) => lockKey(key));
        args.push(JSON.stringify(batch.map(({ token }) => shares(token) ? `+${token}` : token)));
        pushLeases(args, batch);
        const fail = (cause) => {
            if (batch.length > 1 && Failure.isRefusal(cause))
                return resume(extendEach(batch));
            resume(Effect.fail(failure("extend", batch[0].key, cause)));
        };
        transport.send({
            script: scripts.extend,
            keys: batch.length,
            args,
            sent: false,
            succeed: (reply) => {
                const among = Reply.among(reply, batch.length);
                if (among === undefined)
                    return fail(Reply.notUnderstood(reply));
                resume(Effect.succeed(batch.map((_, i) => !among.others.has(i))));
            },
            fail
        });
    });
    /** A refusal is the answer for the one lock that it is about. */
    const extendEach = (batch) => Effect.forEach(batch, (holding) => Effect.match(extendBatch([holding]), { onSuccess: ([one]) => one, onFailure: identity }), { concurrency: 128 });
    const extendAll = Effect.fnUntraced(function* (holdings) {
        const batches = [];
        for (let i = 0; i < holdings.length; i += extendBatchSize) {
            const batch = extendBatch(holdings.slice(i, i + extendBatchSize));
            batches.push(i === 0 ? batch : Effect.andThen(Effect.yieldNow, batch));
        }
        return (yield* Effect.all(batches, { concurrency: 4 })).flat();
    });
    const extend = (holding) => Effect.flatMap(extendBatch([holding]), ([one]) => typeof one === "boolean" ? Effect.succeed(one) : Effect.fail(one));
    return { extend, extendAll };
};
