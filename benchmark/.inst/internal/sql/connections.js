import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import { monotonicMillis } from "../time.js";
import * as Failure from "./failure.js";
import { deadlineMillis, firstError, makeRunner } from "./link.js";
import * as Sockets from "./sockets.js";
/** How long a connection is kept that has nothing to do. */
const idleMillis = 60_000;
/** How often all are replaced at most because the server has become a standby. */
const standbyMillis = 1000;
/**
 * What connections are told when they are opened. Statements are planned once for all their parameters, since planning takes
 * longer than running them; by the index, since the table that a plan was made for may have been empty.
 */
export const settings = {
    default_transaction_isolation: "read committed",
    statement_timeout: String(deadlineMillis),
    plan_cache_mode: "force_generic_plan",
    enable_seqscan: "off",
    jit: "off"
};
export const make = Effect.fnUntraced(function* ({ max, open, socket }) {
    const fork = Effect.runForkWith(yield* Effect.context());
    const clock = yield* Clock.Clock;
    const now = () => monotonicMillis(clock);
    const slots = new Set();
    /** The one that was busy last is at the end, and the next to be used. */
    const idle = [];
    const queue = [];
    const sockets = new Set();
    let connecting = 0;
    // Poolers in between do not take settings of ours.
    let plain = false;
    let replacedAt = -Infinity;
    let closed = false;
    let tidying;
    const connect = () => {
        const made = socket();
        sockets.add(made);
        made.once("close", () => sockets.delete(made));
        return made;
    };
    /** Whether it will be taken without settings of ours. */
    const refuses = (error) => /unsupported startup parameter|unrecognized configuration parameter/i.test(Failure.messageOf(error) ?? "");
    const leave = (slot) => {
        if (!slots.delete(slot))
            return;
        const at = idle.indexOf(slot);
        if (at >= 0)
            idle.splice(at, 1);
        if (slot.socket !== undefined)
            Sockets.part(slot.socket);
        slot.opening?.interruptUnsafe();
        fork(Scope.close(slot.scope, Exit.void));
    };
    const serve = () => {
        if (closed)
            return;
        while (queue.length > 0 && idle.length > 0)
            send(idle.pop(), queue.shift());
        while (queue.length > connecting && slots.size < max)
            begin();
    };
    const begin = () => {
        const slot = {
            scope: Scope.makeUnsafe(),
            socket: undefined,
            opening: undefined,
            connection: undefined,
            job: undefined,
            retired: false,
            idleSince: 0
        };
        const settings = plain;
        slots.add(slot);
        connecting++;
        slot.opening = fork(Scope.provide(open(settings, () => slot.socket = connect()), slot.scope));
        slot.opening.addObserver((exit) => {
            connecting--;
            slot.opening = undefined;
            if (exit._tag === "Success") {
                slot.connection = exit.value;
                slot.socket?.once("close", () => {
                    // What is out on it ends by itself.
                    if (slot.job === undefined)
                        leave(slot);
                });
                rest(slot);
            }
            else {
                leave(slot);
                const error = firstError(exit);
                if (!settings && refuses(error))
                    plain = true;
                // Others will do it, or will say that they cannot.
                else if (slots.size === 0) {
                    for (const job of queue.splice(0))
                        job.onEnd(undefined, error);
                }
            }
            serve();
        });
        tidying ??= fork(tidy);
    };
    /** Nothing is out on it any more. */
    const rest = (slot) => {
        slot.job = undefined;
        if (slot.retired || closed || slot.socket?.destroyed === true)
            return leave(slot);
        if (!slots.has(slot))
            return;
        slot.idleSince = now();
        idle.push(slot);
    };
    const send = (slot, job) => {
        slot.job = job;
        job.slot = slot;
        fork(slot.connection.queryValues(job.text, job.parameters)).addObserver((exit) => {
            if (exit._tag === "Success") {
                rest(slot);
                job.onEnd(exit.value, undefined);
            }
            else {
                const error = firstError(exit);
                const state = Failure.stateOf(error);
                // Said by no server, or by one that ends the connection.
                if (state === undefined || /^(?:08|57P)/.test(state))
                    slot.retired = true;
                // After a failover the old primary may be a standby; connecting anew finds the new one.
                if (state === Failure.readOnlyState)
                    replace();
                rest(slot);
                job.onEnd(undefined, error);
            }
            serve();
        });
    };
    const replace = () => {
        if (now() - replacedAt < standbyMillis)
            return;
        replacedAt = now();
        for (const slot of slots)
            slot.retired = true;
        for (const slot of Array.from(idle))
            leave(slot);
    };
    const tidy = Effect.gen(function* () {
        while (slots.size > 0) {
            yield* Effect.sleep(Duration.millis(idleMillis / 4));
            const at = now();
            for (const slot of Array.from(idle))
                if (at - slot.idleSince >= idleMillis)
                    leave(slot);
        }
        tidying = undefined;
    });
    const runner = yield* makeRunner((text, parameters, onEnd) => {
        const job = { text, parameters, onEnd, slot: undefined };
        queue.push(job);
        serve();
        return () => {
            if (job.slot === undefined) {
                const at = queue.indexOf(job);
                if (at >= 0)
                    queue.splice(at, 1);
            }
            else if (job.slot.job === job) {
                leave(job.slot);
                serve();
            }
        };
    });
    yield* Effect.addFinalizer(() => Effect.sync(() => {
        closed = true;
        runner.close();
        tidying?.interruptUnsafe();
        for (const slot of Array.from(slots))
            leave(slot);
        // Those of listeners, too.
        for (const one of sockets)
            Sockets.part(one);
    }));
    return {
        run: runner.run,
        deadlineMillis,
        listen: (channel) => Effect.suspend(() => {
            const settings = plain;
            return open(settings, connect).pipe(Effect.tapError((error) => Effect.sync(() => {
                if (!settings && refuses(error))
                    plain = true;
            })), Effect.flatMap((connection) => connection.listen(channel)));
        })
    };
});
