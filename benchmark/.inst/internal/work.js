/**
 * Work under a lease. It runs on a fiber of its own, because only so can losing the
 * lease be an error instead of an interruption.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { identity } from "effect/Function";
import { until, untilAll } from "./ending.js";
import * as Reentry from "./reentry.js";
/** Who owns a lease, and what is done under it. */
export class Owner {
    lease = undefined;
    /** What does the work, until that has ended. */
    worker = undefined;
    own(lease) {
        return this.lease = lease;
    }
    giveBack() {
        const { lease, worker } = this;
        if (worker !== undefined)
            return interrupt(lease, worker);
        lease?.giveBack();
        return undefined;
    }
}
/**
 * Owns a lease from the moment it is taken: it goes back if the effect does not come
 * to its end, or always; and before that, the work under it ends.
 */
export const owning = (run, keeps) => {
    const owner = new Owner();
    return Effect.onExitPrimitive(run(owner), 
    // What else work ends with is of its own errors.
    (exit) => exit._tag === "Success" && keeps ? undefined : owner.giveBack(), true);
};
// -----------------------------------------------------------------------------
// Under a lease that has been taken for it
// -----------------------------------------------------------------------------
/** Does the work, and gives the lease back. Acts when it is called; work that needs no waiting is done then. */
export const run = (lease, request, work, caller, restore, context) => {
    if (depth >= deepest)
        return runLater(lease, request, work, caller, restore, context);
    const fiber = start(lease, work, caller, restore, context);
    const exit = fiber.pollUnsafe();
    if (exit !== undefined)
        return finish(lease, request, lease.settle(exit, caller));
    return awaitEnd(lease, request, fiber, caller, restore);
};
/** The same for a lease that was waited for. */
export const runLater = (lease, request, work, caller, restore, context) => owning((owner) => begin(owner, lease, request, work, caller, restore, context), false);
const awaitEnd = (lease, request, fiber, caller, restore) => {
    const settled = settling(lease, fiber, caller);
    const ended = restore === identity
        ? unmoved(fiber, settled, (exit) => lease.settle(exit, caller))
        : Effect.onExitPrimitive(restore(settled), (exit) => exit._tag === "Success" ? undefined : interrupt(lease, fiber), true);
    return Effect.flatMap(ended, (exit) => finish(lease, request, exit));
};
/**
 * The same for one who owns the lease from now on. Work may not start after an interruption that
 * came while its lease did, nor when the event loop was late for it.
 */
export const begin = (owner, lease, request, work, caller, restore, context) => {
    const first = depth >= deepest ? nextTurn : Effect.suspend;
    owner.own(lease);
    if (restore === identity) {
        return first(() => lease.isOver
            ? finish(lease, request, lease.settle(Exit.interrupt(), caller))
            : run(lease, request, work, caller, restore, context));
    }
    // Whether we are interrupted is asked, and the work started, in one step.
    const ended = first(() => {
        if (lease.isOver)
            return Exit.succeed(lease.settle(Exit.interrupt(), caller));
        const fiber = start(lease, work, caller, restore, context);
        const exit = fiber.pollUnsafe();
        if (exit !== undefined)
            return Exit.succeed(lease.settle(exit, caller));
        owner.worker = fiber;
        return settling(lease, fiber, caller);
    });
    return Effect.flatMap(restore(ended), (exit) => {
        owner.worker = undefined;
        return finish(lease, request, exit);
    });
};
const nextTurn = (then) => Effect.flatMap(Effect.yieldNow, then);
/** So many sections may be nested in place; then the stack is left first. */
const deepest = 50;
let depth = 0;
/** A caller that may not be interrupted restores nothing, and passes that on. */
const start = (section, work, caller, restore, context) => {
    depth++;
    const fiber = Reentry.start(section, work, caller, context, restore !== identity);
    depth--;
    return fiber;
};
/** Watches the lease from now on, for as long as the work takes. */
const settling = (lease, fiber, caller) => {
    // At once: a caller that has been interrupted, and may not be, never comes to wait for the end.
    lease.watch(() => fiber.interruptUnsafe());
    return Effect.callback((resume) => {
        fiber.addObserver((exit) => resume(Exit.succeed(lease.settle(exit, caller))));
    });
};
const finish = (lease, { awaitRelease }, exit) => {
    const ending = lease.giveBack();
    return ending === undefined || !awaitRelease ? exit : Effect.andThen(until(ending), exit);
};
/** Whoever is interrupted waits for the work to end, and not for the store. */
const interrupt = (lease, fiber) => Effect.flatMap(interrupted(fiber), (rest) => {
    lease.giveBack();
    return rest;
});
/** Interrupts work and waits for its end: what else it ended with must not be lost. */
const interrupted = (fiber) => Effect.map(Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber)), (exit) => {
    if (exit._tag === "Success")
        return Exit.void;
    const reasons = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason));
    return reasons.length === 0 ? Exit.void : Exit.failCause(Cause.fromReasons(reasons));
});
/**
 * For a caller that may not be interrupted, whose work may open a region that may
 * be, as it could without a lock: an interruption reaches that region, and how
 * the work ends is the result.
 */
const unmoved = (fiber, settled, settle) => Effect.flatMap(Effect.exit(Effect.interruptible(settled)), (waited) => {
    if (waited._tag === "Success")
        return waited;
    fiber.interruptUnsafe();
    return Effect.map(Fiber.await(fiber), settle);
});
// -----------------------------------------------------------------------------
// Under leases that are had
// -----------------------------------------------------------------------------
class Beneath {
    caller = undefined;
    worker = undefined;
    leases;
    constructor(leases) {
        this.leases = leases;
    }
    leaseOf(home, key) {
        return this.leases.find((lease) => lease.leaseOf(home, key) !== undefined);
    }
}
/** Does work, and leaves the leases as they are. The first of them that is lost ends it. */
export const under = (leases, work) => Effect.uninterruptibleMask((restore) => {
    const caller = Fiber.getCurrent();
    const gone = () => leases.find((lease) => lease.isOver);
    const settle = (exit) => gone()?.judge(exit, caller) ?? exit;
    if (gone() !== undefined)
        return settle(Exit.interrupt());
    const fiber = start(new Beneath(leases), work, caller, restore, caller.context);
    const exit = fiber.pollUnsafe();
    if (exit !== undefined)
        return settle(exit);
    const settled = Effect.callback((resume) => {
        const unwatch = leases.map((lease) => lease.whenGone(() => fiber.interruptUnsafe()));
        fiber.addObserver((exit) => {
            for (const end of unwatch)
                end();
            resume(Exit.succeed(settle(exit)));
        });
    });
    if (restore === identity)
        return Effect.flatten(unmoved(fiber, settled, settle));
    return Effect.flatten(Effect.onExitPrimitive(restore(settled), (exit) => exit._tag === "Success" ? undefined : Effect.flatten(interrupted(fiber)), true));
});
/** Gives leases back together, and waits for all at once. */
export const giveAllBack = (leases, { awaitRelease }) => Effect.suspend(() => {
    const endings = leases.flatMap((lease) => lease.giveBack() ?? []);
    return awaitRelease ? untilAll(endings) : Effect.void;
});
