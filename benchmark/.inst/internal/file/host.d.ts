/** Who we are, as the owner of a state: `<namespace>-<id>-<begin>`. */
export declare const self: string;
/** The owner of what lasts though its process ends: it is never gone. */
export declare const nobody = "";
/** Whether the owner is surely no more. Where that cannot be told, the lease decides. */
export declare const isGone: (owner: string) => boolean;
/** Readings of clocks, in seconds. */
export interface Clocks {
    readonly monotonic: number;
    readonly sinceProcessStart: number;
    readonly sinceHostStart: number;
    /** What Linux says of this process's clocks, where it differs from the host's. */
    readonly offsets: string | undefined;
}
export declare const readClocks: () => Clocks;
/** Leases are told by the monotonic clock that all processes of a host have. What is wrong with ours, if anything. */
export declare const clockProblem: (clocks: Clocks) => string | undefined;
/** A file system that other hosts may write to has two monotonic clocks, late listings, and no news of changes. */
export declare const fileSystemProblem: (type: number) => string | undefined;
