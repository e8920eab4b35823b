/**
 * The store as the engine sees it. Each operation is started once, runs in the
 * services that the backend was built in, is known until it ends, and ends as an
 * answer that has been checked or as a `BackendFailure`: nothing else ever comes
 * out of a store.
 */
import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import * as Tracer from "effect/Tracer";
import { LockConfig } from "../../LockConfig.js";
import { BackendFailure } from "../../LockError.js";
import { invalid } from "../options.js";
import { shortcutsOf } from "../shortcuts.js";
import { show } from "../show.js";
import { areExtensions, areOccupants, isAttempt, isBoolean, isGrant, isInspection, isPage } from "./answers.js";
import { Bag } from "./bag.js";
import { Call } from "./call.js";
/** How long the answer to a call that nobody waits for is still of interest. */
export const horizonMillis = 30_000;
/** A lease of less, in milliseconds, would be over before a timer has renewed it. */
export const leastRenewed = 10;
export class Port {
    index = -1;
    store;
    alarms;
    soon;
    direct;
    /** Has the store answer what is out, if it can. */
    ending;
    /** How long to wait for a reply, in milliseconds. */
    patience;
    /** The longest lease, in milliseconds. */
    maxExpires;
    /** Nothing is sent any more. */
    closed = false;
    callbacks;
    context;
    fork;
    drift;
    journal;
    out = new Bag();
    /** Those that nobody waits for, oldest first, with since when. */
    unheard = new Map();
    isAbandoning = false;
    whenIdle = undefined;
    constructor(store, context, alarms, soon, journal) {
        this.store = store;
        this.journal = journal;
        this.context = context;
        this.fork = Effect.runForkWith(context);
        this.alarms = alarms;
        this.soon = soon;
        const { callbacks, direct, ending = Effect.void } = shortcutsOf(store);
        this.ending = ending;
        this.callbacks = callbacks;
        this.direct = direct;
        this.patience = Duration.toMillis(store.patience ?? Duration.seconds(1));
        this.drift = direct !== undefined ? 0 : store.drift ?? 0.01;
        this.maxExpires = Duration.toMillis(store.maxExpires ?? Duration.infinity);
    }
    /** How many calls are out. */
    get size() {
        return this.out.size;
    }
    /** What the store's clock may be ahead of ours by the end of a lease, and its resolution. */
    margin(leaseMillis) {
        return this.drift === 0 ? 0 : leaseMillis * this.drift + 2;
    }
    /** Of a lease that is too long for the store, or too short for its margin or to be renewed. */
    invalidExpires(expiresMillis, renew) {
        const { drift, maxExpires, store } = this;
        const least = renew || drift > 0 ? leastRenewed : 1;
        if (expiresMillis >= least && expiresMillis <= maxExpires)
            return undefined;
        const [which, limit] = expiresMillis < least ? ["least", least] : ["most", maxExpires];
        const why = limit === least && drift === 0 ? " when it is to be renewed" : "";
        const expected = `at ${which} ${Duration.format(Duration.millis(limit))} with the ${store.name} backend${why}`;
        return invalid("expires", Duration.millis(expiresMillis), expected);
    }
    // ---------------------------------------------------------------------------
    // Operations
    // ---------------------------------------------------------------------------
    /** The spans of the call belong to the caller. */
    tryAcquire(claim, caller) {
        const { callbacks, store } = this;
        const call = this.begin("acquire", claim.key);
        if (callbacks === undefined)
            return this.run(call, isAttempt, () => store.tryAcquire(claim), caller);
        return this.callBack(call, isAttempt, (settling) => callbacks.tryAcquire(claim, settling));
    }
    release(key, token) {
        const { callbacks, store } = this;
        const call = this.begin("release", key);
        if (callbacks === undefined)
            return this.run(call, isBoolean, () => store.release(key, token));
        return this.callBack(call, isBoolean, (settling) => callbacks.release(key, token, settling));
    }
    /** Releases `token` and claims anew. */
    exchange(token, claim) {
        return this.run(this.begin("release", claim.key), isAttempt, () => this.store.exchange(token, claim));
    }
    /** Gives the key from `token` to the claim. */
    transfer(token, claim) {
        return this.run(this.begin("acquire", claim.key), isAttempt, () => this.store.transfer(token, claim));
    }
    extend(holding) {
        const { callbacks, store } = this;
        const call = this.begin("extend", holding.key);
        const extend = callbacks?.extend;
        if (extend === undefined)
            return this.run(call, isBoolean, () => store.extend(holding));
        return this.callBack(call, isBoolean, (settling) => extend(holding, settling));
    }
    extendAll(holdings) {
        const call = this.begin("extend", holdings[0].key);
        return this.run(call, areExtensions(holdings.length), () => this.store.extendAll(holdings));
    }
    inspect(key) {
        return this.run(this.begin("inspect", key), isInspection, () => this.store.inspect(key));
    }
    /** All who have the key, of a store that shares; of others there is but one. */
    holders(key) {
        const { store } = this;
        const holders = store.holders ?? ((key) => Effect.map(store.inspect(key), Option.toArray));
        return this.run(this.begin("inspect", key), areOccupants, () => holders(key));
    }
    /** A page of the keys that start so. */
    list(prefix, from) {
        const call = this.begin("list", prefix);
        const { list } = this.store;
        if (list !== undefined)
            return this.run(call, isPage, () => list(prefix, from));
        call.settle(this.failure("list", prefix, "Unsupported", "this store cannot say which keys are held"));
        return call;
    }
    /** Has the store tell of news. A grant that is none is no news. */
    listen(key, token, notify) {
        const scope = Scope.makeUnsafe();
        const checked = (grant) => {
            if (grant === undefined || isGrant(grant))
                notify(grant);
        };
        const listening = () => Effect.as(Scope.provide(this.store.listen(key, token, checked), scope), true);
        return { call: this.run(this.begin("listen", key), isBoolean, listening), scope };
    }
    /** Has the store tell of other holders, if it can; and says so itself once it does. */
    watch(key, notify) {
        const { watch } = this.store;
        if (watch === undefined)
            return undefined;
        const scope = Scope.makeUnsafe();
        const watching = () => Effect.as(Scope.provide(watch(key, notify), scope), true);
        const call = this.run(this.begin("listen", key), isBoolean, watching);
        call.onReply(notify);
        return { call, scope };
    }
    /** What is still being set up would outlive a scope that is closed already, so it is ended first. */
    endListening({ call, scope }) {
        if (call.reply === undefined)
            this.abandon(call);
        this.fork(Effect.exit(Scope.close(scope, Exit.void)));
    }
    /** The answer to a call, for an effect that waits for it as long as the store's patience. */
    await(start) {
        return Effect.callback((resume) => {
            const call = start();
            call.wait(this.alarms.now() + this.patience, (reply = this.noReply(call.operation, call.key)) => resume(reply instanceof BackendFailure ? Exit.fail(reply) : Exit.succeed(reply)));
            return Effect.sync(() => call.leave());
        });
    }
    /** Nobody will look at its answer: it counts as lost, and may be executed or not. */
    abandon(call) {
        const { fiber } = call;
        this.isAbandoning = true;
        call.settle(this.noReply(call.operation, call.key));
        this.isAbandoning = false;
        fiber?.interruptUnsafe();
    }
    /** Until nothing is out, and what came of it has been dealt with; or until `end`. */
    idle(end) {
        return Effect.callback((resume) => {
            if (this.out.size === 0)
                return resume(Effect.void);
            const alarm = { index: -1, ring: () => resume(Effect.void) };
            this.alarms.set(alarm, end);
            this.whenIdle = () => this.soon(() => {
                if (this.out.size > 0)
                    return;
                this.alarms.cancel(alarm);
                this.whenIdle = undefined;
                resume(Effect.void);
            });
        });
    }
    /** Sends nothing any more, and ends what is out. */
    close() {
        this.closed = true;
        for (const call of this.out.all())
            this.abandon(call);
        this.alarms.cancel(this);
    }
    // ---------------------------------------------------------------------------
    // How they run and end
    // ---------------------------------------------------------------------------
    begin(operation, key) {
        const call = new Call(this, operation, key);
        if (this.closed)
            call.settle(this.closedFailure(operation, key));
        else
            this.out.add(call);
        return call;
    }
    run(call, isRight, make, caller) {
        if (call.reply !== undefined)
            return call;
        const fiber = this.forkFor(caller)(Effect.suspend(make));
        call.fiber = fiber;
        fiber.addObserver((exit) => this.answer(call, isRight, exit));
        return call;
    }
    /** Of the caller's services only the span is passed on: the store must not run in its transaction. */
    forkFor(caller) {
        const span = caller?.cache.span;
        if (span === undefined)
            return this.fork;
        const { tracer } = caller.cache;
        const context = tracer === undefined ? this.context : Context.add(this.context, Tracer.Tracer, tracer);
        return Effect.runForkWith(Context.add(context, Tracer.ParentSpan, span));
    }
    callBack(call, isRight, begin) {
        if (call.reply !== undefined)
            return call;
        try {
            begin(new Answering(this, call, isRight));
        }
        catch (defect) {
            this.answer(call, isRight, Exit.die(defect));
        }
        return call;
    }
    answer(call, isRight, exit) {
        if (call.reply !== undefined)
            return;
        if (exit._tag === "Success" && isRight(exit.value))
            call.settle(exit.value);
        else
            call.settle(this.whyNot(call.operation, call.key, exit));
    }
    whyNot(operation, key, exit) {
        if (exit._tag === "Success")
            return this.failure(operation, key, "Unknown", `it answered ${show(exit.value)}`);
        const { reasons } = exit.cause;
        const error = reasons.find(Cause.isFailReason)?.error;
        if (error instanceof BackendFailure)
            return error;
        const defect = error ?? reasons.find(Cause.isDieReason)?.defect;
        return defect === undefined
            ? this.failure(operation, key, "Unknown", "it was interrupted from within")
            : this.failure(operation, key, "Unknown", undefined, defect);
    }
    ended(call) {
        if (this.unheard.size > 0 && this.unheard.delete(call) && this.unheard.size === 0)
            this.alarms.cancel(this);
        this.out.remove(call);
        if (this.out.size === 0)
            this.whenIdle?.();
        if (this.closed || this.isAbandoning || call.operation === "listen")
            return;
        if (call.reply instanceof BackendFailure) {
            this.journal.meter.failed(call.reply.kind);
            this.trouble(call.reply);
        }
        else
            this.up();
    }
    unanswered({ key, operation }) {
        if (operation !== "listen")
            this.trouble(this.noReply(operation, key));
    }
    /** What is not answered for so long never will be; until then it may still be executed. */
    left(call) {
        if (this.unheard.has(call))
            return;
        const at = this.alarms.now();
        this.unheard.set(call, at);
        if (this.index === -1)
            this.alarms.set(this, at + horizonMillis);
    }
    ring() {
        const at = this.alarms.now();
        for (const [call, since] of Array.from(this.unheard))
            if (since + horizonMillis <= at)
                this.abandon(call);
        for (const since of this.unheard.values()) {
            if (this.index === -1)
                this.alarms.set(this, since + horizonMillis);
            break;
        }
    }
    /** What will not pass by itself is for its caller alone. */
    trouble(failure) {
        if (failure.retryable)
            this.down(failure);
    }
    /** It answers. */
    up() {
        if (!this.journal.isTroubled)
            return;
        const millis = this.journal.up(this.alarms.now());
        const seconds = (millis / 1000).toFixed(1);
        this.log(Effect.logInfo(`The ${this.store.name} lock backend answers again, after ${seconds} seconds`));
    }
    /** Said once for each time of trouble, not for each lock. */
    down(failure) {
        if (this.closed || !this.journal.down(failure, this.alarms.now()))
            return;
        this.log(Effect.logWarning(`The ${this.store.name} lock backend is in trouble: leases are kept until their deadline, waiters wait on, ` +
            "and what has to be released is released later", failure));
    }
    log(line, key) {
        const { name } = this.store;
        const annotations = { "lock.backend": name, "lock.owner": Context.get(this.context, LockConfig).owner };
        this.fork(Effect.annotateLogs(line, key === undefined ? annotations : { ...annotations, "lock.key": key }));
    }
    failure(operation, key, kind, description, cause) {
        return new BackendFailure({
            backend: this.store.name,
            operation,
            kind,
            retryable: kind === "NoReply",
            // A list is about no single one.
            ...(operation !== "list" && { key }),
            ...(description !== undefined && { description }),
            ...(cause !== undefined && { cause })
        });
    }
    noReply(operation, key, description = "no reply in time") {
        return this.failure(operation, key, "NoReply", description);
    }
    /** Of a store whose keys have one holder. */
    unshared(key) {
        return this.failure("acquire", key, "Unsupported", "this store keeps no more than one holder of a key");
    }
    /** Of a store that cannot give a key from one token to another. */
    untransferable(key) {
        return this.failure("acquire", key, "Unsupported", "a lock of this store cannot change hands");
    }
    closedFailure(operation, key) {
        return this.failure(operation, key, "Closed", "the backend has been closed");
    }
}
/** Given to a store that calls back. */
class Answering {
    port;
    call;
    isRight;
    constructor(port, call, isRight) {
        this.port = port;
        this.call = call;
        this.isRight = isRight;
    }
    settle(exit) {
        this.port.answer(this.call, this.isRight, exit);
    }
}
export const isFailure = (reply) => reply instanceof BackendFailure;
