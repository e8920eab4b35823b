/**
 * What is known of the server's clock: how far ours is ahead of it, at least.
 * A reply was written after its request was sent and before it was received.
 */
export interface ClockBound {
    /** A reply to what was sent at `sentAt` and has been received at `now` says that the server's clock is at `micros`. */
    readonly observe: (sentAt: number, now: number, micros: number) => void;
    /** A lower bound, on our clock, of when the server's was at `micros`. */
    readonly earliest: (micros: number) => number | undefined;
    /** An upper bound of what the server's clock shows at `at`, in microseconds. */
    readonly latest: (at: number) => number | undefined;
    readonly reset: () => void;
}
export declare const make: () => ClockBound;
