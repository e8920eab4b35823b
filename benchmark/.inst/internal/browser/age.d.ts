/**
 * How long a lease of another tab lasts, where no clock is common to both.
 *
 * The wall clock is common, and is set, and leaps when the host wakes up. The
 * monotonic clock of a tab does neither, but begins with the tab. So a lease is
 * stamped by both, and is as old as the *smaller* of the two differences says:
 * after a leap of the wall clock the other one counts, and of tabs that were
 * opened before and after a leap the wall clock. That is enough where the tab
 * was there when the lease began. Of an older lease it knows what it has seen
 * itself, which also bounds what a clock that was set back could add.
 */
/** A moment by both clocks. `steady` is the wall clock at the start of the tab, and goes on by the monotonic one. */
export interface Stamp {
    readonly wall: number;
    readonly steady: number;
}
export interface Ages {
    readonly stamp: () => Stamp;
    /** How old the lease of a token is at the least, of which `stamp` says when it began, and `lease` how long it is. */
    readonly of: (key: string, token: string, stamp: Stamp, lease: number) => number;
    /** Only these have leases of the key, or wait for it. */
    readonly keep: (key: string, tokens: ReadonlySet<string>) => void;
    /** Of how many keys something is remembered. */
    readonly size: () => number;
}
export declare const make: (wallMillis: () => number, monotonicMillis: () => number) => Ages;
