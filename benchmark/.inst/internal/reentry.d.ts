/**
 * Under which leases work runs, so that it is noticed when it asks for what it has.
 * The services of the work name the innermost one, for all that is started there,
 * too: in parts of it that run beside each other, or against the clock.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
/** A lease as far as it matters here. */
export interface Had {
    /** The backend that it is had from. */
    readonly home: object;
    readonly key: string;
    readonly isHeld: boolean;
    /** It shares its key. */
    readonly share?: unknown;
}
/** Work under a lease, or several. */
export interface Section {
    /** The fiber that wanted it done. */
    caller: Fiber.Fiber<unknown, unknown> | undefined;
    /** The fiber that does it. */
    worker: Fiber.Fiber<unknown, unknown> | undefined;
    /** The lease of a key that it has, as long as it does. */
    leaseOf(home: object, key: string): Had | undefined;
}
/** Whether it is the context of work under a lease. */
export declare const isWork: (context: Context.Context<never>) => boolean;
/** An effect, or what a function makes of what there is under the work. */
export type Work<L, A, E, R> = Effect.Effect<A, E, R> | ((had: L) => Effect.Effect<A, E, R>);
/** A service key is both a function and an effect: as work it is an effect. */
export declare const isFunction: <L, A, E, R>(work: Work<L, A, E, R>) => work is (had: L) => Effect.Effect<A, E, R>;
/** Does work on a fiber of its own. What needs no waiting is done when this returns. */
export declare const start: <S extends Section, A, E, R>(under: S, what: Work<S, A, E, R>, caller: Fiber.Fiber<unknown, unknown>, context: Context.Context<never>, isInterruptible: boolean) => Fiber.Fiber<A, E>;
/** The lease of a key that whoever runs on the fiber was started under, and is still held. */
export declare const find: (fiber: Fiber.Fiber<unknown, unknown>, home: object, key: string) => {
    readonly lease: Had;
    readonly section: Section;
} | undefined;
/**
 * Whether the section cannot end before the fiber does what it is about to do: it is
 * the work itself, or a section within, `"itself"`; or a child, which would end with it.
 * Of others nobody knows whether the work waits for them.
 */
export declare const partOf: (fiber: Fiber.Fiber<unknown, unknown>, section: Section) => "itself" | "child" | undefined;
