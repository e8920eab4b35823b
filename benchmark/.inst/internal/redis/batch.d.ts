/** What is asked for in one turn, as few scripts. */
/** What one script takes and gives back, the latter first. */
export interface Batch<A, R> {
    readonly attempts: ReadonlyArray<A>;
    readonly releases: ReadonlyArray<R>;
}
/**
 * Collects what comes in until the turn ends, if one script can name many locks: to
 * make a command, to write it and to wake the server each cost more than what a script
 * does for a lock. A first attempt goes at once while nothing else is out, since
 * somebody waits for it, and with it what has been given back before.
 */
export declare class Turn<A, R> {
    private readonly attempts;
    private readonly releases;
    private scripts;
    private isPlanned;
    private readonly single;
    private readonly send;
    constructor(single: boolean, send: (batch: Batch<A, R>) => void);
    attempt(one: A): void;
    release(one: R): void;
    private plan;
    /** Sends what has been collected. What is given back comes first, since it may be what is wanted. */
    flush(): void;
    /** A script is out, and answered. */
    start(): void;
    land(): void;
}
/** One lease for all if they are alike, otherwise one for each. */
export declare const pushLeases: (args: Array<string | number>, batch: ReadonlyArray<{
    readonly expiresMillis: number;
}>) => void;
