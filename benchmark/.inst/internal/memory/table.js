import * as KeyMap from "../engine/keyMap.js";
/** Below this many entries nobody looks for expired ones. */
const smallestSweep = 64;
const nobody = { text: "", token: "" };
/** Somebody whose token has not been asked for is nobody else. */
const areOne = (a, b) => a === b || (a.text !== undefined && a.text === b.text);
/** One of those who share a key. */
class Sharer {
    bearer;
    expiresAt;
    fencingToken;
    permits;
    entry;
    constructor(entry, bearer, permits, expiresAt, fencingToken) {
        this.entry = entry;
        this.bearer = bearer;
        this.permits = permits;
        this.expiresAt = expiresAt;
        this.fencingToken = fencingToken;
    }
    free(bearer) {
        return areOne(this.bearer, bearer) && this.entry.part(this);
    }
}
const none = [];
/** A key: for who has it alone also what it holds there. */
class Entry {
    vacant = true;
    bearer = nobody;
    expiresAt = -Infinity;
    fencingToken = 0;
    sharers = none;
    queue = none;
    key;
    table;
    constructor(table, key) {
        this.table = table;
        this.key = key;
    }
    get isHeldAlone() {
        return this.bearer !== nobody;
    }
    free(bearer) {
        if (!this.isHeldAlone || !areOne(this.bearer, bearer))
            return false;
        this.bearer = nobody;
        this.freed();
        return true;
    }
    part(sharer) {
        if (!this.sharers.includes(sharer))
            return false;
        this.sharers = this.sharers.filter((other) => other !== sharer);
        this.freed();
        return true;
    }
    /** Whoever leaves the queue may let in those behind, although nobody has freed anything. */
    leave(bearer) {
        const queue = this.queue.filter((waiting) => !areOne(waiting.bearer, bearer));
        if (queue.length === this.queue.length)
            return false;
        this.queue = queue;
        this.freed();
        return true;
    }
    freed() {
        this.table.settle(this);
        this.table.notify(this.key);
    }
    /** Ends what is over. */
    expire(now) {
        if (this.isHeldAlone && this.expiresAt <= now)
            this.bearer = nobody;
        if (this.sharers.some(({ expiresAt }) => expiresAt <= now)) {
            this.sharers = this.sharers.filter(({ expiresAt }) => expiresAt > now);
        }
        if (this.queue.some(({ until }) => until <= now))
            this.queue = this.queue.filter(({ until }) => until > now);
    }
    get isIdle() {
        return !this.isHeldAlone && this.sharers.length === 0 && this.queue.length === 0;
    }
    /** Nobody is in front. */
    isNext(bearer) {
        return this.queue.length === 0 || areOne(this.queue[0].bearer, bearer);
    }
    fits(share) {
        if (this.isHeldAlone)
            return false;
        if (share === undefined)
            return this.sharers.length === 0;
        return this.sharers.reduce((used, { permits }) => used + permits, share.permits) <= share.limit;
    }
    enqueue(bearer, until) {
        const waiting = this.queue.find((waiting) => areOne(waiting.bearer, bearer));
        if (waiting === undefined)
            this.queue = [...this.queue, { bearer, until }];
        else
            waiting.until = until;
    }
}
/** A holder that never frees its key leaves an entry, which ends with its lease. */
export class Table {
    entries;
    listeners = new Map();
    watchers = new Map();
    /** How many wait in each backend. */
    crowds = new Set();
    sweepAt = smallestSweep;
    fencingToken = 0;
    soon;
    constructor(soon) {
        this.soon = soon;
        this.entries = KeyMap.make((key) => new Entry(this, key), soon);
    }
    take = (key, bearer, expiresMillis, now, share, wait = false) => {
        const { entries } = this;
        const found = entries.find(key);
        if (found === undefined || found.vacant) {
            return this.give(entries.occupy(key, found), bearer, expiresMillis, now, share);
        }
        // Somebody else has it alone: there is no more to look at.
        if (!wait && found.expiresAt > now && found.isHeldAlone && !areOne(found.bearer, bearer))
            return undefined;
        found.expire(now);
        const own = this.ownedBy(found, bearer, share);
        if (own !== undefined) {
            own.expiresAt = now + expiresMillis;
            own.fencingToken = ++this.fencingToken;
            return own;
        }
        if (found.isNext(bearer) && found.fits(share)) {
            if (found.queue.length > 0)
                found.queue = found.queue.slice(1);
            const hold = this.give(found, bearer, expiresMillis, now, share);
            // The next one may fit, too.
            if (share !== undefined && found.queue.length > 0)
                this.notify(key);
            return hold;
        }
        if (wait)
            found.enqueue(bearer, now + expiresMillis);
        this.settle(found);
        return undefined;
    };
    ownedBy(entry, bearer, share) {
        if (share !== undefined)
            return entry.sharers.find((sharer) => areOne(sharer.bearer, bearer));
        return entry.isHeldAlone && areOne(entry.bearer, bearer) ? entry : undefined;
    }
    give(entry, bearer, expiresMillis, now, share) {
        const expiresAt = now + expiresMillis;
        const fencingToken = ++this.fencingToken;
        let hold = entry;
        if (share === undefined) {
            entry.bearer = bearer;
            entry.expiresAt = expiresAt;
            entry.fencingToken = fencingToken;
        }
        else {
            const sharer = new Sharer(entry, bearer, share.permits, expiresAt, fencingToken);
            entry.sharers = [...entry.sharers, sharer];
            hold = sharer;
        }
        if (this.entries.size() > this.sweepAt)
            this.sweep(now);
        this.tellWatchers(entry.key);
        return hold;
    }
    leave = (key, bearer) => {
        this.entries.get(key)?.leave(bearer);
    };
    /** Of those who share it, the one who ends first. */
    look = (key, now) => {
        const [first] = this.all(key, now);
        return first;
    };
    /** Everybody who has the key, who ends first in front. */
    all(key, now) {
        const entry = this.live(key, now);
        if (entry === undefined)
            return none;
        if (entry.isHeldAlone)
            return [{ bearer: entry.bearer, remainingMillis: entry.expiresAt - now }];
        return entry.sharers
            .map(({ bearer, expiresAt, permits }) => ({ bearer, permits, remainingMillis: expiresAt - now }))
            .toSorted((a, b) => a.remainingMillis - b.remainingMillis);
    }
    extend(key, token, expiresMillis, now) {
        const entry = this.live(key, now);
        const bearer = { text: token, token };
        const own = entry &&
            (this.ownedBy(entry, bearer, undefined) ?? this.ownedBy(entry, bearer, { permits: 1, limit: 1 }));
        if (own === undefined)
            return false;
        own.expiresAt = now + expiresMillis;
        return true;
    }
    /** Gives the key from one who has it alone to another. */
    transfer(key, from, to, expiresMillis, now) {
        const entry = this.live(key, now);
        if (entry === undefined || !entry.isHeldAlone)
            return undefined;
        const bearer = { text: to, token: to };
        if (!areOne(entry.bearer, { text: from, token: from }) && !areOne(entry.bearer, bearer))
            return undefined;
        entry.bearer = bearer;
        entry.expiresAt = now + expiresMillis;
        entry.fencingToken = ++this.fencingToken;
        this.tellWatchers(key);
        return entry;
    }
    /** Whether the token had the key. It waits no more, either. */
    release(key, token, now) {
        const entry = this.live(key, now);
        if (entry === undefined)
            return false;
        const bearer = { text: token, token };
        entry.leave(bearer);
        const own = this.ownedBy(entry, bearer, undefined) ?? this.ownedBy(entry, bearer, { permits: 1, limit: 1 });
        return own?.free(bearer) ?? false;
    }
    live(key, now) {
        const entry = this.entries.get(key);
        if (entry === undefined)
            return undefined;
        entry.expire(now);
        this.settle(entry);
        return entry.vacant ? undefined : entry;
    }
    /** An entry that nobody has or waits for goes. */
    settle(entry) {
        if (!entry.vacant && entry.isIdle)
            this.entries.vacate(entry);
    }
    /** When they could be half of all, so that the table is never more than twice as large as what is held. */
    sweep(now) {
        for (const entry of this.entries.values()) {
            entry.expire(now);
            this.settle(entry);
        }
        this.sweepAt = Math.max(smallestSweep, 2 * this.entries.size());
    }
    /** Those that somebody has, or has had. */
    keys() {
        return this.entries.values().map(({ key }) => key);
    }
    /** How many wait for a key: to hear that it is free, or behind somebody of their own. */
    waiting(key) {
        let count = this.listeners.get(key)?.size ?? 0;
        for (const waitersOf of this.crowds)
            count += waitersOf(key);
        return count;
    }
    count = (waitersOf) => {
        this.crowds.add(waitersOf);
        return () => void this.crowds.delete(waitersOf);
    };
    /** For one who waits. */
    listen(key, listener) {
        return join(this.listeners, key, listener);
    }
    /** For one who only looks on. */
    watch(key, watcher) {
        return join(this.watchers, key, watcher);
    }
    notify(key) {
        if (this.listeners.size > 0)
            this.listeners.get(key)?.forEach((listener) => listener());
        this.tellWatchers(key);
    }
    /** In a turn of their own: who has just taken a key has not said yet who it is. */
    tellWatchers(key) {
        if (this.watchers.size > 0)
            this.watchers.get(key)?.forEach((watcher) => this.soon(watcher));
    }
}
const join = (all, key, listener) => {
    const those = all.get(key) ?? new Set();
    all.set(key, those.add(listener));
    return () => {
        if (those.delete(listener) && those.size === 0)
            all.delete(key);
    };
};
