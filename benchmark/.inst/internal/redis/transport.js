/** What the store needs of a Redis client. */
import * as Effect from "effect/Effect";
/** A plain command. */
export const plain = (name, args, succeed, fail) => ({ script: name, keys: 0, args, sent: false, succeed, fail });
/** The reply to a command, or the cause of its failure. */
export const ask = (send, script, keys, args) => Effect.callback((resume) => send({
    script,
    keys,
    args,
    sent: false,
    succeed: (reply) => resume(Effect.succeed(reply)),
    fail: (cause) => resume(Effect.fail(cause))
}));
