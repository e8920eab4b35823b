/** What an operator is told: that the server cannot be reached, that it can, and what server it is. */
import * as Effect from "effect/Effect";
import * as Failure from "./failure.js";
import { plain } from "./transport.js";
/** Of the reply to `INFO`. */
export const facts = (info) => {
    const fields = new Map();
    for (const line of info.split(/\r?\n/)) {
        const colon = line.indexOf(":");
        if (colon > 0)
            fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
    const valkey = fields.get("valkey_version");
    const version = valkey === undefined
        ? `Redis ${fields.get("redis_version") ?? "of unknown version"}`
        : `Valkey ${valkey}`;
    const policy = fields.get("maxmemory_policy") ?? "unknown";
    const limited = Number(fields.get("maxmemory") ?? 0) > 0;
    const role = fields.get("role") === "slave" ? "a replica" : "a primary";
    const replicas = `${fields.get("connected_slaves") ?? "0"} replicas`;
    return {
        description: `${version}, ${role} with ${replicas}, maxmemory-policy ${policy}`,
        evicts: limited && policy !== "noeviction" ? policy : undefined
    };
};
/** Observes the transport from now on. */
export const make = Effect.fnUntraced(function* (transport, backend, notices) {
    const scope = yield* Effect.scope;
    const fork = Effect.runForkWith(yield* Effect.context());
    const log = (line) => void fork(Effect.forkIn(line, scope));
    yield* Effect.addFinalizer(() => Effect.sync(() => notices.close()));
    let told;
    let warned;
    const look = () => transport.send(plain("info", [], (reply) => {
        notices.up();
        const { description, evicts } = facts(String(reply));
        if (description !== told)
            log(Effect.logDebug(`Locks are in ${description}`));
        told = description;
        if (evicts !== undefined && evicts !== warned) {
            log(Effect.logWarning(`Redis may evict locks when its memory is full: its maxmemory-policy is "${evicts}", locks need "noeviction"`));
        }
        warned = evicts;
    }, (cause) => {
        if (!Failure.isRefusal(cause))
            return;
        notices.up();
        if (told === undefined) {
            log(Effect.logDebug("Locks are in a Redis server that does not say which (INFO is refused), nor whether it evicts keys"));
            told = "";
        }
    }));
    transport.observe({
        ready: look,
        reset: () => { },
        lost: (cause) => {
            if (!(cause instanceof Failure.Closed))
                notices.down(Failure.make(backend, "connect", undefined, cause));
        }
    });
});
