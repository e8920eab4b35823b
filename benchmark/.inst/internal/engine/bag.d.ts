/**
 * Things that come and go, in no order, each of which knows its place: coming and
 * going cost the same however many there are, and nothing is hashed or allocated.
 */
export interface Placed {
    /** Where the bag has it, or -1. */
    place: number;
}
export declare class Bag<A extends Placed> implements Iterable<A> {
    private readonly things;
    get size(): number;
    /** A copy: those in it may go meanwhile. */
    all(): ReadonlyArray<A>;
    [Symbol.iterator](): Iterator<A>;
    add(thing: A): void;
    /** Does nothing with what is not in it. */
    remove(thing: A): void;
}
