/** The server's clock as far as it can be known from replies, each of which was written after its request was sent. */
/** A lower bound of the clocks' distance loses its worth as they drift, in milliseconds. */
const boundMillis = 10_000;
export class ServerClock {
    /** Our monotonic clock minus the server's, at least. */
    offset = undefined;
    offsetAt = 0;
    /** A reply to something sent at `sentAt` says that the server's clock is at `micros`. */
    observe(sentAt, micros) {
        const bound = sentAt - micros / 1000;
        if (this.offset !== undefined && bound <= this.offset && sentAt - this.offsetAt < boundMillis)
            return;
        this.offset = bound;
        this.offsetAt = sentAt;
    }
    /** The next reply may come from another server. */
    forget() {
        this.offset = undefined;
    }
    /** The earliest that it can have been by our clock; undefined while that is not known. */
    earliest(micros) {
        return this.offset === undefined ? undefined : this.offset + micros / 1000;
    }
}
