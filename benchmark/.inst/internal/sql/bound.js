/**
 * What is known of the server's clock: how far ours is ahead of it, at least.
 * A reply was written after its request was sent and before it was received.
 */
/** A bound loses its worth as the clocks drift. */
const worthMillis = 10_000;
export const make = () => {
    let ahead;
    let since = 0;
    return {
        observe: (sentAt, now, micros) => {
            if (!Number.isFinite(micros))
                return;
            const bound = sentAt - micros / 1000;
            // A bound that this reply contradicts is from before the server's clock was set.
            const stale = ahead === undefined || ahead > now - micros / 1000 || sentAt - since >= worthMillis;
            if (!stale && bound <= ahead)
                return;
            ahead = bound;
            since = sentAt;
        },
        earliest: (micros) => ahead === undefined ? undefined : ahead + micros / 1000,
        latest: (at) => ahead === undefined ? undefined : Math.ceil((at - ahead) * 1000),
        reset: () => {
            ahead = undefined;
        }
    };
};
