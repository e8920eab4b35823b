/**
 * Under which leases work runs, so that it is noticed when it asks for what it has.
 * The services of the work name the innermost one, for all that is started there,
 * too: in parts of it that run beside each other, or against the clock.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { constUndefined } from "effect/Function";
const Innermost = Context.Reference("effect-lock/Section", { defaultValue: constUndefined });
const around = ({ context }) => Context.get(context, Innermost);
/** Whether it is the context of work under a lease. */
export const isWork = (context) => Context.get(context, Innermost) !== undefined;
/** A service key is both a function and an effect: as work it is an effect. */
export const isFunction = (work) => typeof work === "function" && !Effect.isEffect(work);
/** What the fiber that is started now is to do, and where. */
let work;
let section;
/** For fibers that do not begin at once. */
const late = new WeakMap();
const doing = (fiber, section, work) => {
    section.worker = fiber;
    return isFunction(work) ? work(section) : work;
};
/** One effect for all work: it finds out what it is. */
const begin = Effect.withFiber((fiber) => {
    if (work === undefined) {
        const section = around(fiber);
        return doing(fiber, section, late.get(section));
    }
    const now = work;
    work = undefined;
    return doing(fiber, section, now);
});
const uninterruptible = { uninterruptible: true };
/** Does work on a fiber of its own. What needs no waiting is done when this returns. */
export const start = (under, what, caller, context, isInterruptible) => {
    under.caller = caller;
    section = under;
    work = what;
    const run = Effect.runForkWith(Context.addUnsafe(context, Innermost.key, under));
    const fiber = run(begin, isInterruptible ? undefined : uninterruptible);
    if (work !== undefined) {
        late.set(under, work);
        work = undefined;
    }
    return fiber;
};
/** The lease of a key that whoever runs on the fiber was started under, and is still held. */
export const find = (fiber, home, key) => {
    for (let section = around(fiber); section !== undefined; section = section.caller && around(section.caller)) {
        const lease = section.leaseOf(home, key);
        if (lease !== undefined)
            return { lease, section };
    }
    return undefined;
};
/** Of a child, which is interrupted when its parent ends. */
const parentOf = (fiber) => fiber._parent;
/**
 * Whether the section cannot end before the fiber does what it is about to do: it is
 * the work itself, or a section within, `"itself"`; or a child, which would end with it.
 * Of others nobody knows whether the work waits for them.
 */
export const partOf = (fiber, section) => {
    let part = "itself";
    let at = fiber;
    while (at !== undefined && at !== section.worker) {
        const inner = around(at);
        if (inner?.worker === at)
            at = inner.caller;
        else {
            part = "child";
            at = parentOf(at);
        }
    }
    return at === undefined ? undefined : part;
};
