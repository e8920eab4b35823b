import type { ClockBound } from "./bound.ts";
import type { Link, Row } from "./link.ts";
import * as Sharing from "./sharing.ts";
import type { Statements } from "./statements.ts";
type OnEnd<A> = (answer: A | undefined, error: unknown) => void;
export interface Edits {
    /**
     * Lets it happen to the row, and tells what `apply` has returned once that is true. It may be
     * applied to several copies, of which one counts.
     */
    readonly run: <A>(row: string, apply: (row: Sharing.Row) => A, onEnd: OnEnd<A>) => void;
}
/** A row of `read`. */
export declare const foundOf: ([, version, token, fence, end, queue, sharers, now]: Row) => Sharing.Found | undefined;
export declare const make: (link: Link, statements: Statements, bound: ClockBound, now: () => number, latest: () => string | null, later: (millis: number, task: () => void) => void) => Edits;
export {};
