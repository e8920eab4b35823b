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
/** Below this many keys nobody looks for what can be forgotten. */
const smallestSweep = 64;
export const make = (wallMillis, monotonicMillis) => {
    const start = { wall: wallMillis(), steady: monotonicMillis() };
    /** When a lease was first seen, and when nobody can be interested in that any more. */
    const seen = new Map();
    let sweepAt = smallestSweep;
    const stamp = () => ({ wall: wallMillis(), steady: start.wall + monotonicMillis() - start.steady });
    const sweep = (at) => {
        for (const [key, those] of seen) {
            for (const [token, { until }] of those)
                if (until < at)
                    those.delete(token);
            if (those.size === 0)
                seen.delete(key);
        }
        sweepAt = Math.max(smallestSweep, 2 * seen.size);
    };
    const firstSeen = (key, token, { steady, wall }, lease, at) => {
        const those = seen.get(key) ?? new Map();
        const before = those.get(token);
        if (before !== undefined && before.wall === wall && before.steady === steady)
            return before.at;
        seen.set(key, those.set(token, { wall, steady, at, until: at + 2 * lease + 60_000 }));
        if (seen.size > sweepAt)
            sweep(at);
        return at;
    };
    return {
        stamp,
        size: () => seen.size,
        keep: (key, tokens) => {
            const those = seen.get(key);
            if (those === undefined)
                return;
            for (const token of those.keys())
                if (!tokens.has(token))
                    those.delete(token);
            if (those.size === 0)
                seen.delete(key);
        },
        of: (key, token, then, lease) => {
            const now = stamp();
            const seenFor = now.steady - firstSeen(key, token, then, lease, now.steady);
            const byClocks = then.wall < start.wall ? 0 : Math.min(now.wall - then.wall, now.steady - then.steady);
            return Math.max(seenFor, byClocks);
        }
    };
};
