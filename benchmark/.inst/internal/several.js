/**
 * Several keys at once, on any backend. All of them are asked for together,
 * without waiting; if one is busy, those that sort after it go back, it is waited
 * for, and so on in order. Whoever waits holds no key that sorts after the one it
 * waits for, so no circle of waiters can close.
 */
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import { LockError, LockTimeout } from "../LockError.js";
import { isGuard } from "./guard.js";
import { isFunction } from "./reentry.js";
import { monotonicMillis, wholeMillis } from "./time.js";
import { giveAllBack, under } from "./work.js";
/** By code units: the same order in every process, whatever its locale. */
const inOrder = (requests) => Array.from(new Map(requests.map((request) => [request.key, request])).values())
    .toSorted((a, b) => a.key < b.key ? -1 : 1);
const none = () => Effect.undefined;
/** Takes all of them; the leases by their keys, for the life of the scope. `requests` are in order. */
const takeAll = (backend, requests) => Effect.gen(function* () {
    const outer = yield* Effect.scope;
    const clock = yield* Clock.Clock;
    const held = new Map();
    const startedAt = monotonicMillis(clock);
    const timeout = requests[0].timeoutMillis;
    const left = () => Math.max(0, startedAt + timeout - monotonicMillis(clock));
    const take = (request, refused) => Effect.uninterruptibleMask((restore) => Effect.gen(function* () {
        const scope = yield* Scope.fork(outer);
        const taken = yield* Effect.onExit(restore(Scope.provide(backend.acquire(request, refused), scope)), (exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void);
        if (taken === undefined)
            yield* Scope.close(scope, Exit.void);
        else
            held.set(request.key, { lease: taken, scope });
        return taken !== undefined;
    }));
    const giveBack = (some) => Effect.forEach(some, ({ key }) => {
        const one = held.get(key);
        held.delete(key);
        return one === undefined ? Effect.void : Scope.close(one.scope, Exit.void);
    }, { concurrency: "unbounded", discard: true });
    /** What is had already may be lost while another is waited for. */
    const orLost = (waiting) => held.size === 0
        ? waiting
        : Effect.raceFirst(waiting, anyLost(Array.from(held.values(), ({ lease }) => lease)));
    let rest = requests;
    while (rest.length > 0) {
        const taken = yield* Effect.forEach(rest, (request) => take({ ...request, timeoutMillis: 0 }, none), {
            concurrency: "unbounded"
        });
        const busy = taken.indexOf(false);
        if (busy === -1)
            break;
        yield* giveBack(rest.slice(busy + 1));
        yield* orLost(take({ ...rest[busy], timeoutMillis: left() }, (refusal) => refusal.fail)).pipe(Effect.mapError((error) => overall(error, timeout, monotonicMillis(clock) - startedAt)));
        rest = rest.slice(busy + 1);
    }
    return new Map(Array.from(held, ([key, { lease }]) => [key, lease]));
});
/** One deadline for all: a timeout tells of the whole wait, not of that for the last key. */
const overall = (error, timeoutMillis, waitedMillis) => {
    const { reason } = error;
    if (reason._tag !== "LockTimeout")
        return error;
    const timeout = Duration.millis(timeoutMillis);
    return new LockError({ reason: new LockTimeout({ ...reason, timeout, waited: wholeMillis(waitedMillis) }) });
};
/** Runs work under all of them. */
export const use = (backend, requests, work) => Effect.scopedWith((scope) => Effect.flatMap(Scope.provide(takeAll(backend, inOrder(requests)), scope), (held) => {
    const leases = requests.map(({ key }) => held.get(key));
    const effect = isFunction(work) ? Effect.suspend(() => work(leases)) : work;
    const guards = Array.from(held.values()).filter(isGuard);
    // What is no lease of ours goes back with the scope.
    return Effect.onExit(guards.length === held.size ? under(guards, effect) : Effect.raceFirst(anyLost(held.values()), effect), () => giveAllBack(guards, requests[0]));
}));
const anyLost = (leases) => Effect.raceAllFirst(Array.from(leases, ({ lost }) => lost));
