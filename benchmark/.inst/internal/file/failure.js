/** What went wrong with a file, in the words that all backends share. */
import { BackendFailure } from "../../LockError.js";
const kinds = {
    EACCES: ["Unauthorized", false],
    EPERM: ["Unauthorized", false],
    EROFS: ["ReadOnly", false],
    ENOSPC: ["OutOfMemory", true],
    EDQUOT: ["OutOfMemory", true],
    ENOTDIR: ["WrongType", false],
    EIO: ["Unreachable", true],
    ESTALE: ["Unreachable", true],
    EMFILE: ["Unreachable", true],
    ENFILE: ["Unreachable", true],
    ENOENT: ["Unreachable", true]
};
/** Something that is no lock is where a lock would be. */
export class Foreign extends Error {
    code = "ENOTDIR";
    constructor(path, what = "has something in it that is no lock") {
        super(`${path} ${what}`);
    }
}
/** The code of an error of the system; what is none is a defect of ours and goes on. */
export const codeOf = (error) => {
    if (error instanceof Error && "code" in error && typeof error.code === "string")
        return error.code;
    throw error;
};
/** Whether a call works: not when it fails with one of these codes, or with any when none are given; other errors go on. */
export const works = (call, ...refusals) => {
    try {
        call();
        return true;
    }
    catch (error) {
        const code = codeOf(error);
        if (refusals.length > 0 && !refusals.includes(code))
            throw error;
        return false;
    }
};
export const backend = "file";
export const make = (operation, key, cause) => {
    const [kind, retryable] = kinds[codeOf(cause)] ?? ["Unknown", false];
    return new BackendFailure({ backend, operation, key, kind, retryable, cause });
};
export const unsupported = (description) => new BackendFailure({ backend, operation: "open", kind: "Unsupported", retryable: false, description });
