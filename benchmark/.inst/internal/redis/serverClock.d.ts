/** The server's clock as far as it can be known from replies, each of which was written after its request was sent. */
export declare class ServerClock {
    /** Our monotonic clock minus the server's, at least. */
    private offset;
    private offsetAt;
    /** A reply to something sent at `sentAt` says that the server's clock is at `micros`. */
    observe(sentAt: number, micros: number): void;
    /** The next reply may come from another server. */
    forget(): void;
    /** The earliest that it can have been by our clock; undefined while that is not known. */
    earliest(micros: number): number | undefined;
}
