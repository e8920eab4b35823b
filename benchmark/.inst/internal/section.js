import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { constVoid } from "effect/Function";
import * as Scope from "effect/Scope";
import * as Tracer from "effect/Tracer";
import { until } from "./ending.js";
import { isGuard } from "./guard.js";
import * as Reentry from "./reentry.js";
import { Refusal } from "./refusal.js";
import * as Work from "./work.js";
const takers = new WeakMap();
/** Of a backend that is as it was made: whoever decorates one gets another object, and is never bypassed. */
export const takerOf = (backend) => takers.get(backend);
export const make = (taker) => {
    const backend = {
        name: taker.name,
        inspect: (key) => Effect.suspend(() => taker.inspect(key)),
        holders: (key) => Effect.suspend(() => taker.holders(key)),
        forceRelease: (key, token) => Effect.suspend(() => taker.forceRelease(key, token)),
        adopt: (token, request) => Effect.uninterruptibleMask((restore) => {
            const caller = Fiber.getCurrent();
            return Work.owning((owner) => Effect.flatMap(taker.adopt(token, request, caller, restore), (lease) => intoScope(owner.own(lease), request, isTraced(caller) ? taker : undefined)), true);
        }),
        watch: (key, notify) => Effect.suspend(() => taker.watch(key, notify)),
        list: (prefix, from) => Effect.suspend(() => taker.list(prefix, from)),
        listen: (hear, end) => taker.listen(hear, end),
        use: (request, work, refused) => Effect.uninterruptibleMask((restore) => use(taker, request, work, refused, Fiber.getCurrent(), restore)),
        acquire: (request, refused) => Effect.uninterruptibleMask((restore) => acquire(taker, request, refused, Fiber.getCurrent(), restore))
    };
    takers.set(backend, taker);
    return backend;
};
/** The whole life of a lock, in an uninterruptible region. Acts when it is called. */
export const use = (taker, request, work, refused, caller, restore) => {
    if (request.reenter) {
        const reentered = reenter(taker, request, work, caller);
        if (reentered !== undefined)
            return restore(reentered);
    }
    if (isTraced(caller))
        return traced(taker, request, work, refused, caller, restore);
    const taken = taker.take(request, caller, restore);
    if (taken instanceof Refusal)
        return instead(taken, refused, restore);
    if (isGuard(taken))
        return Work.run(taken, request, work, caller, restore, caller.context);
    return useLater(taken, request, work, refused, caller, restore);
};
/** Under the lease that is there. */
const reenter = (taker, { key, share }, work, caller) => {
    const found = Reentry.find(caller, taker, key);
    // Who shares does not have the key alone.
    if (found === undefined || (found.lease.share !== undefined && share === undefined))
        return undefined;
    const lease = found.lease;
    const inner = Reentry.isFunction(work) ? Effect.suspend(() => work(lease)) : work;
    // Only what is part of the work is sure to end before its lease does.
    return Reentry.partOf(caller, found.section) === "itself" ? inner : Work.under([lease], inner);
};
const useLater = (taking, request, work, refused, caller, restore) => Work.owning((owner) => Effect.flatMap(taking, (taken) => taken instanceof Refusal
    ? instead(taken, refused, restore)
    : Work.begin(owner, taken, request, work, caller, restore, caller.context)), false);
/** What comes of a refusal; an exit needs no region of its own. */
const instead = (refusal, refused, restore) => {
    const effect = refused(refusal);
    return effect._tag === "Success" ? effect : restore(effect);
};
const acquire = (taker, request, refused, caller, restore) => Work.owning((owner) => {
    const isSeen = isTraced(caller);
    const taking = waitFor(taker, request, refused, caller, restore, owner);
    return Effect.flatMap(isSeen ? waiting(taker, request, taking) : taking, (taken) => taken instanceof Instead ? Exit.succeed(taken.value) : intoScope(taken, request, isSeen ? taker : undefined));
}, true);
/** What is had instead of a lease. */
class Instead {
    value;
    constructor(value) {
        this.value = value;
    }
}
/** The lease, or what comes of a refusal. */
const waitFor = (taker, request, refused, caller, restore, owner) => {
    const had = (taken) => taken instanceof Refusal
        ? Effect.map(restore(refused(taken)), (value) => new Instead(value))
        : Exit.succeed(owner.own(taken));
    return Effect.suspend(() => {
        const taken = taker.take(request, caller, restore);
        return taken instanceof Refusal || isGuard(taken) ? had(taken) : Effect.flatMap(taken, had);
    });
};
// -----------------------------------------------------------------------------
// A lease in a scope
// -----------------------------------------------------------------------------
const intoScope = (lease, request, tracing) => Effect.flatMap(Effect.scope, (scope) => {
    lease.watch(constVoid);
    const scoped = Effect.as(Scope.addFinalizerExit(scope, givingBack(lease, request.awaitRelease)), lease);
    if (tracing === undefined)
        return scoped;
    return Effect.flatMap(Effect.makeSpan("Lock.hold", spanOptions(tracing, request)), (span) => Effect.clockWith((clock) => {
        lease.whenEnded((exit) => {
            try {
                span.end(clock.currentTimeNanosUnsafe(), exit);
            }
            catch {
                // The end of the lease does not depend on who watches it.
            }
        });
        return scoped;
    }));
});
/** By itself, since it lives as long as the lease, and so does whatever is named around it. */
const givingBack = (lease, awaitRelease) => () => {
    const ending = lease.giveBack();
    return ending === undefined || !awaitRelease ? Effect.void : Effect.asVoid(until(ending));
};
// -----------------------------------------------------------------------------
// Spans
// -----------------------------------------------------------------------------
/** Without a tracer and without a parent nobody could see a span. */
const isTraced = ({ cache }) => cache.tracerEnabled && (cache.tracer !== undefined || cache.span !== undefined);
const spanOptions = ({ name }, { key, owner }) => ({
    attributes: { "lock.backend": name, "lock.key": key, "lock.owner": owner }
});
/** The span of a wait. What a store in this process does has no spans to be put under it. */
const waiting = (taker, request, taking) => Effect.useSpan("Lock.wait", spanOptions(taker, request), (span) => taker.isInProcess ? taking : Effect.provideService(taking, Tracer.ParentSpan, span));
const traced = (taker, request, work, refused, caller, restore) => 
// Owned while it is waited for: even the end of a span may throw.
Work.owning((owner) => {
    return Effect.flatMap(waiting(taker, request, waitFor(taker, request, refused, caller, restore, owner)), (taken) => taken instanceof Instead ? Exit.succeed(taken.value) : Effect.useSpan("Lock.hold", spanOptions(taker, request), (span) => Work.runLater(taken, request, work, caller, restore, Context.add(caller.context, Tracer.ParentSpan, span))));
}, false);
