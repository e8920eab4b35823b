export const make = (tag, fence, since, expires, token, owner, share) => ({
    tag,
    fence,
    since,
    expires,
    token,
    owner,
    share,
    name: `${tag},${fence},${since},${expires},${token},${owner}` +
        (share === undefined ? "" : `,${share.permits}.${share.limit}`)
});
const pattern = /^([hgfdsq]),(\d{1,16}),(\d{1,16}),(\d{1,15}),([\w.-]+),([\w-]*)(?:,(\d{1,16})\.(\d{1,16}))?$/;
/** What a file says, or undefined for a file that is none of ours. */
export const parse = (name) => {
    const match = pattern.exec(name);
    if (match === null)
        return undefined;
    const [, tag, fence, since, expires, token, owner, permits, limit] = match;
    const share = permits === undefined ? undefined : { permits: +permits, limit: +limit };
    return { tag: tag, fence: +fence, since: +since, expires: +expires, token, owner, share, name };
};
const isHeld = (tag) => tag === "h" || tag === "g" || tag === "s";
/** Clocks of two processors may differ, but not by a second. */
const graceMicros = 1_000_000;
const isBeforeReboot = (since, now) => since > now + graceMicros;
/**
 * Whether the lease lasts. What began in the future began before the clock did,
 * at the last start of the host, and its holder is no more.
 *
 * `now` must have been read after the state was, or a lease that began in
 * between would look like one from before a reboot.
 */
export const isLive = ({ expires, since, tag }, now) => isHeld(tag) && now < since + expires * 1000 && !isBeforeReboot(since, now);
/** For how long nobody has had the key, in microseconds; zero and less while somebody may. */
export const idleMicros = ({ expires, since, tag }, now) => {
    if (isBeforeReboot(since, now))
        return Infinity;
    return now - since - (isHeld(tag) ? expires * 1000 : 0);
};
/** Of two names seen while one was being renamed to the other, the later. */
export const isLater = (one, other) => one.fence > other.fence || (one.fence === other.fence && one.since > other.since);
