/**
 * Calls that go to the server together. While so many statements are out as have
 * any use, what comes in waits for the next one: few calls are sent at once, and
 * many share a statement, and the commit that it waits for.
 */
export interface Batches<A> {
    readonly add: (item: A) => void;
}
/** `send` has to call `landed` once. Within a batch there is never more than one item for a row. */
export declare const make: <A extends {
    readonly row: string;
}>(send: (batch: ReadonlyArray<A>, landed: () => void) => void) => Batches<A>;
