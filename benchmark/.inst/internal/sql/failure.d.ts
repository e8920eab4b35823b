/** What went wrong, in the words that all backends share, by the SQLSTATE that the server gave. */
import { BackendFailure, type FailureKind } from "../../LockError.ts";
import { type Table } from "./table.ts";
export declare const backend = "postgresql";
interface Verdict {
    readonly kind: FailureKind;
    readonly retryable: boolean;
    readonly description?: ((table: Table) => string) | undefined;
}
/** A transaction that can only read: on a standby, or on a server that is told so. */
export declare const readOnlyState = "25006";
/** The SQLSTATE of an error, if the server sent it. */
export declare const stateOf: (error: unknown) => string | undefined;
/** What the driver or the server says, which is in the innermost cause. */
export declare const messageOf: (error: unknown) => string | undefined;
export declare const classify: (error: unknown) => Verdict;
/** Says that no answer came in time, and that the statement was given up. */
export declare class Silent extends Error {
    constructor();
}
/** Says that a row was locked by somebody else for too long. */
export declare class Locked extends Error {
    constructor();
}
/** Says that the layer was closed. */
export declare class Closed extends Error {
    constructor();
}
/** Says that what the server answered is none of the answers that we know. */
export declare class Strange extends Error {
    constructor();
}
export declare const make: (table: Table | undefined, operation: string, key: string | undefined, error: unknown) => BackendFailure;
export {};
