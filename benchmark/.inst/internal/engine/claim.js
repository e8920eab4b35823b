/** One token's way through the store, from first asked until it is won or disowned. */
import * as Effect from "effect/Effect";
import { constVoid } from "effect/Function";
import { horizonMillis } from "./port.js";
/** So many claims of one token may be unanswered; the oldest makes room. */
const mostOut = 3;
const none = [];
export class Claim {
    index = -1;
    key;
    token;
    expiresMillis;
    share;
    /** Its lease is to last though this process ends. */
    outlives;
    /** When the last was sent. */
    askedAt = 0;
    /** What came of the last. */
    reply = undefined;
    /** Of a store in this process: what it has won there. */
    hold = undefined;
    /** The last that was sent. */
    last = undefined;
    /** Those whose reply is still out. */
    out = none;
    /** The store may know the token: it has to be released unless it is won. */
    isInDoubt = false;
    /** It has a place in the store's queue. */
    isQueued = false;
    /** The latest end in the store of what has been answered. */
    lastEnd = 0;
    listening = undefined;
    grant = undefined;
    hasNews = false;
    sleeper = undefined;
    hurry = undefined;
    port;
    debts;
    constructor(port, debts, token, { atLeastMillis, expiresMillis, key, share }) {
        this.port = port;
        this.debts = debts;
        this.key = key;
        this.token = token;
        this.expiresMillis = expiresMillis;
        this.share = share;
        this.outlives = atLeastMillis > 0;
    }
    /** Asks a store in this process. */
    take(at) {
        const direct = this.port.direct;
        this.askedAt = at;
        const wait = this.listening !== undefined;
        this.isInDoubt = true;
        const hold = this.hold = direct.take(this.key, this, this.expiresMillis, at, this.share, wait);
        if (hold !== undefined) {
            return this.reply = { _tag: "Acquired", fencingToken: hold.fencingToken };
        }
        const holder = direct.look(this.key, at);
        return this.reply = { _tag: "Held", token: holder?.bearer.token, remainingMillis: holder?.remainingMillis };
    }
    get text() {
        return this.token;
    }
    /** Sends it. In the store's queue, once somebody would hear of a grant. */
    ask(at, caller) {
        const wait = this.listening !== undefined;
        return this.sent(this.port.tryAcquire(this.made(wait), caller), at, wait);
    }
    /** Sends it together with the release of `token`. */
    exchange(token, at) {
        return this.sent(this.port.exchange(token, this.made(true)), at, true);
    }
    /** The last that was sent, if it is not answered yet: for one that inherits a claim on its way. */
    get unanswered() {
        return this.last?.reply === undefined ? this.last : undefined;
    }
    /** Takes the key on from `token`. */
    transfer(token, at) {
        return this.sent(this.port.transfer(token, this.made(false)), at, false);
    }
    made(wait) {
        const { expiresMillis, key, outlives, share, token } = this;
        const claim = { key, token, expiresMillis, wait };
        if (share === undefined && !outlives)
            return claim;
        return { ...claim, ...(share !== undefined && { share }), ...(outlives && { outlives }) };
    }
    sent(call, at, isQueued) {
        this.askedAt = at;
        this.last = call;
        this.isInDoubt = true;
        this.isQueued ||= isQueued;
        if (call.reply !== undefined) {
            this.answered(call.reply);
            return call;
        }
        if (this.out.length >= mostOut)
            this.port.abandon(this.out[0].call);
        const { expiresMillis } = this;
        this.out = [...this.out, { call, millis: expiresMillis, sure: expiresMillis }];
        call.onReply((reply) => {
            this.out = this.out.length === 1 ? none : this.out.filter((sent) => sent.call !== call);
            this.answered(reply);
        });
        return call;
    }
    answered(reply) {
        this.reply = reply;
        if (reply._tag !== "Held")
            this.lastEnd = this.port.alarms.now() + this.expiresMillis;
        // One that was refused leaves nothing, unless it may wait, or others are out or may still be executed.
        else if (!this.isQueued && this.out.length === 0 && this.lastEnd === 0)
            this.isInDoubt = false;
    }
    // ---------------------------------------------------------------------------
    // News
    // ---------------------------------------------------------------------------
    get isListening() {
        return this.listening !== undefined;
    }
    /** Has the store tell of news. Failing to is no failure: then it is asked again and again. */
    listen() {
        this.listening = this.port.listen(this.key, this.token, (grant) => this.notify(grant));
        return this.listening.call;
    }
    /** Kept until the next sleep, so that none is missed. */
    notify(grant) {
        if (grant !== undefined)
            this.grant = grant;
        this.hasNews = true;
        this.hurry?.();
        this.wake();
    }
    /** Calls back at once when there is news, until it is told not to: for one who does not sleep yet. */
    whileBusy(hurry) {
        this.hurry = hurry;
        if (this.hasNews)
            hurry?.();
    }
    /** What the store has given on its own, once. */
    takeGrant() {
        const { grant } = this;
        this.grant = undefined;
        return grant;
    }
    /** Until the time given, or until there is news. */
    sleep(until) {
        return Effect.callback((resume) => {
            const sleeper = () => resume(Effect.void);
            if (this.hasNews) {
                this.hasNews = false;
                return sleeper();
            }
            this.sleeper = sleeper;
            this.port.alarms.set(this, until);
            return Effect.sync(() => {
                if (this.sleeper === sleeper)
                    this.leaveSleeper();
            });
        });
    }
    /** Whoever sleeps does so no longer for this claim: what wakes it. */
    leaveSleeper() {
        const { sleeper = constVoid } = this;
        this.sleeper = undefined;
        this.port.alarms.cancel(this);
        return sleeper;
    }
    wake() {
        if (this.sleeper === undefined)
            return;
        const sleeper = this.leaveSleeper();
        this.hasNews = false;
        sleeper();
    }
    ring() {
        this.wake();
    }
    endListening() {
        if (this.listening === undefined)
            return;
        this.port.endListening(this.listening);
        this.listening = undefined;
    }
    // ---------------------------------------------------------------------------
    // Its end
    // ---------------------------------------------------------------------------
    /** It has got the key. What is returned is still out, and may set the lease anew. */
    won() {
        this.isInDoubt = false;
        this.endListening();
        const { out } = this;
        this.out = none;
        return out;
    }
    /** Nobody wants it any more, and nobody waits for that. */
    disown() {
        this.endListening();
        if (!this.isInDoubt)
            return;
        this.isInDoubt = false;
        const { expiresMillis, hold, isQueued, key, out, port, token } = this;
        this.out = none;
        if (port.direct !== undefined) {
            hold?.free(this);
            return port.direct.leave(key, this);
        }
        // A store with a queue may give it the key at any time, until it is told.
        const givenUntil = isQueued ? port.alarms.now() + horizonMillis + expiresMillis : 0;
        this.debts.owe(key, token, Math.max(this.lastEnd, givenUntil), out, isQueued);
    }
}
