/** What went wrong with a file, in the words that all backends share. */
import { BackendFailure } from "../../LockError.ts";
/** Something that is no lock is where a lock would be. */
export declare class Foreign extends Error {
    readonly code = "ENOTDIR";
    constructor(path: string, what?: string);
}
/** The code of an error of the system; what is none is a defect of ours and goes on. */
export declare const codeOf: (error: unknown) => string;
/** Whether a call works: not when it fails with one of these codes, or with any when none are given; other errors go on. */
export declare const works: (call: () => unknown, ...refusals: ReadonlyArray<string>) => boolean;
export declare const backend = "file";
export declare const make: (operation: string, key: string | undefined, cause: unknown) => BackendFailure;
export declare const unsupported: (description: string) => BackendFailure;
