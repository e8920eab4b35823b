/** What went wrong, in the words that all backends share. */
import { BackendFailure, type FailureKind } from "../../LockError.ts";
interface Verdict {
    readonly kind: FailureKind;
    readonly retryable: boolean;
}
/** Says that the connection was closed with its layer. */
export declare class Closed extends Error {
    constructor();
}
/** Says that a reply is none of ours. Whether the command was executed is in doubt. */
export declare class NotUnderstood extends Error {
    constructor(what: string);
}
/** Something that is no lock lives at the key. */
export declare const notALock: Error;
export declare const classify: (failed: unknown) => Verdict;
/**
 * Whether the server has looked at a command and refused it: nothing of it will
 * be executed later, and another command may fare better.
 */
export declare const isRefusal: (cause: unknown) => boolean;
/** A failure of one backend's. */
export type Of = (operation: string, key: string | undefined, cause: unknown) => BackendFailure;
export declare const make: (backend: string, operation: string, key: string | undefined, cause: unknown) => BackendFailure;
export {};
