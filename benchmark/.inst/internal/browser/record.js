/** How long one who waits has to take what it is offered. */
export const offerMillis = 1_000;
/**
 * How long the first of the queue may stay away while it does not fit and others wait
 * behind it. Then it is gone, and they go on.
 */
export const absentMillis = 10_000;
/** When it is told to come by, which tabs do whose timers are put off. */
const missedMillis = 5_000;
/** How often it says that it has come. */
const seenMillis = 3_000;
/** The tab of a lease that lasts though its tab is closed: it is never gone. */
export const nobody = "";
export const free = { version: 2, holders: [], queue: [] };
export const isFree = ({ holders, queue }) => holders.length === 0 && queue.length === 0;
const isLive = (holder, { isDead, remaining }) => !isDead(holder.tab) && remaining(holder) > 0;
/** Those who have the key, the first to end in front. */
export const living = ({ holders }, view) => holders.filter((holder) => isLive(holder, view)).toSorted((a, b) => view.remaining(a) - view.remaining(b));
const without = (all, token) => all.filter((one) => one.token !== token);
const isAmong = (all, token) => all.some((one) => one.token === token);
const isHeldAlone = (holders) => holders.some(({ permits }) => permits === undefined);
const fits = (share, holders) => {
    if (share === undefined || isHeldAlone(holders))
        return holders.length === 0;
    return holders.reduce((used, { permits }) => used + permits, share.permits) <= share.limit;
};
/** A new lease. */
const holderOf = ({ expires, outlives, tab, token }, permits, { stamp }) => {
    const holder = { ...stamp, token, tab: outlives === true ? nobody : tab, lease: expires };
    return permits === undefined ? holder : { ...holder, permits };
};
/** With a new lease for one of the holders, who has as much of the key as before. */
const renewed = (holders, lease, view) => holders.map((one) => one.token === lease.token ? holderOf(lease, one.permits, view) : one);
/** Lets in who fits, from the front: who asks with its full lease, the others by an offer. */
const passOn = ({ absent, holders, queue }, view, asking) => {
    const those = [...holders];
    const offered = [];
    let n = 0;
    for (; n < queue.length && fits(queue[n].share, those); n++) {
        const waiter = queue[n];
        const isAsking = waiter.token === asking?.token;
        if (!isAsking)
            offered.push(waiter);
        const lease = isAsking ? asking : { ...waiter, expires: Math.min(waiter.expires, offerMillis) };
        those.push(holderOf(lease, waiter.share?.permits, view));
    }
    const left = queue.slice(n);
    const isFirst = absent !== undefined && absent.token === left[0]?.token && !isHeldAlone(those);
    return { offered, next: { version: 2, holders: those, queue: left, ...(isFirst && { absent }) } };
};
const heldBy = (record, view) => {
    const { queue } = record;
    const holders = living(record, view);
    const [first] = holders;
    return {
        _tag: "Held",
        token: first?.token,
        remaining: first === undefined ? 0 : view.remaining(first),
        waiters: queue.length,
        tabs: Array.from(new Set([...holders, ...queue.slice(0, 1)].map(({ tab }) => tab)))
    };
};
/** Takes the key if it is ours, or if we fit and nobody is in front; else remembers that we wait. */
export const claim = (record, claim, view) => {
    const { expires, share, tab, token, wait } = claim;
    const { holders } = record;
    if (isAmong(holders, token)) {
        const next = { ...record, holders: renewed(holders, claim, view), queue: without(record.queue, token) };
        return { answer: { _tag: "Acquired" }, next };
    }
    const there = living(record, view);
    // Who let a lease or an offer end is not asked again: its tab hangs, or it would wait no more.
    const hung = new Set(holders.filter((one) => !there.includes(one)).map((one) => one.tab));
    const present = record.queue.filter((one) => one.token === token || !(view.isDead(one.tab) || hung.has(one.tab)));
    const queue = isGone(present, record.absent, token, view) ? present.slice(1) : present;
    const joins = !isAmong(queue, token) && (wait || (queue.length === 0 && fits(share, there)));
    const own = share === undefined ? { token, tab, expires } : { token, tab, expires, share };
    const { next: passed, offered } = passOn({ holders: there, queue: joins ? [...queue, own] : queue, absent: record.absent }, view, claim);
    const next = minded(passed, token, view);
    if (isAmong(next.holders, token))
        return { answer: { _tag: "Acquired" }, next, offered };
    const isSame = offered.length === 0 && next.absent === record.absent && next.queue.length === record.queue.length &&
        next.queue.every((waiter, i) => waiter === record.queue[i]);
    const { absent } = next;
    return {
        answer: heldBy(next, view),
        next: isSame ? undefined : next,
        offered,
        missed: absent !== undefined && view.absence(absent) >= missedMillis ? absent.token : undefined
    };
};
/** Whether the first has not come for so long that nobody waits for it any more. */
const isGone = ([first], absent, asking, view) => absent !== undefined && first?.token === absent.token && first.token !== asking &&
    view.absence(absent) >= absentMillis;
/** Has it noted who is first and does not fit beside those who share, or that it has come. */
const minded = (record, asking, view) => {
    const { absent, holders, queue: [first] } = record;
    if (first === undefined || isHeldAlone(holders))
        return record;
    if (first.token !== asking) {
        return absent === undefined ? { ...record, absent: { ...view.stamp, token: first.token } } : record;
    }
    return absent !== undefined && view.absence(absent) >= seenMillis ? { ...record, absent: undefined } : record;
};
/** Turns an offer into a full lease. False if it is not ours any more. */
export const accept = (record, lease, view) => isAmong(record.holders, lease.token)
    ? { answer: true, next: { ...record, holders: renewed(record.holders, lease, view) } }
    : { answer: false, next: undefined };
export const extend = (record, token, expires, view, outlives = false) => {
    const own = record.holders.find((one) => one.token === token);
    if (own === undefined || !isLive(own, view))
        return { answer: false, next: undefined };
    const { tab } = own;
    return {
        answer: true,
        next: { ...record, holders: renewed(record.holders, { token, tab, expires, outlives }, view) }
    };
};
/** From one token, which has the key alone, to another, past those who wait. */
export const transfer = (record, from, lease, view) => {
    const [holder] = living(record, view);
    if (holder === undefined || holder.permits !== undefined || (holder.token !== from && holder.token !== lease.token)) {
        return { answer: heldBy(record, view), next: undefined };
    }
    return { answer: { _tag: "Acquired" }, next: { ...record, holders: [holderOf(lease, undefined, view)] } };
};
/** Gives back what the token has of the key, and its place in the queue, and lets in who fits then. */
export const release = (record, token, view) => {
    const own = record.holders.find((one) => one.token === token);
    const queue = without(record.queue, token);
    if (own === undefined && queue.length === record.queue.length)
        return { answer: false, next: undefined };
    // Of who waits only those are out of the way that are known to be gone; whose time is over, who asks finds out.
    const there = queue.filter(({ tab }) => !view.isDead(tab));
    const passed = passOn({ holders: without(record.holders, token), queue: there, absent: record.absent }, view);
    return { answer: own !== undefined && isLive(own, view), ...passed };
};
const isObject = (value) => typeof value === "object" && value !== null;
const isShare = (value) => isObject(value) && "permits" in value && Number.isSafeInteger(value.permits) &&
    "limit" in value && Number.isSafeInteger(value.limit);
const isWaiter = (value) => isObject(value) &&
    "token" in value && typeof value.token === "string" &&
    "tab" in value && typeof value.tab === "string" &&
    "expires" in value && typeof value.expires === "number" && value.expires > 0 &&
    (!("share" in value) || isShare(value.share));
const isNoted = (value) => isObject(value) &&
    "token" in value && typeof value.token === "string" &&
    "wall" in value && Number.isFinite(value.wall) &&
    "steady" in value && Number.isFinite(value.steady);
const isHolder = (value) => isNoted(value) &&
    "tab" in value && typeof value.tab === "string" &&
    "lease" in value && Number.isFinite(value.lease) &&
    (!("permits" in value) || Number.isSafeInteger(value.permits));
/** Reads what is stored; undefined for what is no record of ours. */
export const decode = (value) => {
    if (value === undefined)
        return free;
    if (!isObject(value) || !("version" in value) || value.version !== 2)
        return undefined;
    const { absent, holders, queue } = value;
    return Array.isArray(holders) && holders.every(isHolder) && (holders.length < 2 || !isHeldAlone(holders)) &&
        Array.isArray(queue) && queue.every(isWaiter) && (absent === undefined || isNoted(absent))
        ? value
        : undefined;
};
/** A message of ours, or undefined: anybody of the origin can say anything on the channel. */
export const decodeMessage = (value) => {
    if (!isObject(value) || !("version" in value) || value.version !== 2)
        return undefined;
    const { key, to } = value;
    return typeof key === "string" && (typeof to === "string" || isWaiter(to)) ? { version: 2, key, to } : undefined;
};
