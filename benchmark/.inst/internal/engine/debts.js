import { Bag } from "./bag.js";
import { isFailure } from "./port.js";
const firstGapMillis = 20;
const longestGapMillis = 1_000;
const none = [];
export class Debt {
    index = -1;
    place = -1;
    key;
    token;
    /** The store may hold the token until then, even if nothing more of it is executed. */
    until;
    /** Until then the token is to keep the key, and no longer. */
    stay;
    /** A claim of it has a place in the store's queue. */
    isQueued;
    /** Claims and extensions that may still be executed. */
    out = none;
    /** The release that is out. */
    asked = undefined;
    /** A claim of it may have been executed after the release that is out. */
    isStale = false;
    /** There is nothing of it in the store, unless what is out is executed. */
    isConfirmed = false;
    /** The store has been told, or has had its time. */
    isTold = false;
    hasFailed = false;
    observers = undefined;
    gap = firstGapMillis;
    port;
    debts;
    constructor(port, debts, key, token, until, isQueued, stay) {
        this.port = port;
        this.debts = debts;
        this.key = key;
        this.token = token;
        this.until = until;
        this.isQueued = isQueued;
        this.stay = stay;
    }
    whenOver(then) {
        if (this.isTold)
            then();
        else if (this.observers === undefined)
            this.observers = [then];
        else
            this.observers.push(then);
    }
    /** When something of the token is answered, the store may have it anew. */
    watch(call, millis) {
        if (call.reply === undefined) {
            this.out = [...this.out, call];
            // Whoever sent it may have been interrupted before it came to wait: then it is not known yet that nobody does.
            if (!call.isAwaited)
                call.leave();
        }
        call.onReply((reply) => {
            this.out = this.out.filter((other) => other !== call);
            if (this.place === -1)
                return;
            const isRefused = reply._tag === "Held" && !this.isQueued;
            if (!isRefused)
                this.until = Math.max(this.until, this.port.alarms.now() + millis);
            // An extension never brings back what has been released, but makes longer what stays.
            const isClaim = (call.operation !== "extend" || this.stay > 0) && !isRefused;
            if (isClaim && this.asked === undefined)
                this.ask();
            else if (isClaim)
                this.isStale = true;
            else
                this.rest();
        });
    }
    /** Sends a release, in place of one that is out; or cuts the lease to what is left of the time it is to stay. */
    ask() {
        const { port } = this;
        port.alarms.cancel(this);
        this.isConfirmed = this.isStale = false;
        const { asked } = this;
        this.asked = undefined;
        if (asked !== undefined)
            port.abandon(asked);
        const at = port.alarms.now();
        const rest = Math.ceil(this.stay - at);
        const { key, token } = this;
        const call = this.asked = rest > 0 ? port.extend({ key, token, expiresMillis: rest }) : port.release(key, token);
        // The reply, however late; or, in between, that there is none in time.
        const heard = (reply) => {
            if (reply === undefined)
                this.failed();
            else if (this.asked === call)
                this.answered(reply);
        };
        call.onReply(heard);
        if (call.reply === undefined)
            call.wait(at + port.patience, heard);
    }
    get isAsked() {
        return this.asked !== undefined;
    }
    /** Nothing more is to be asked now. */
    get isSettled() {
        return this.isConfirmed && this.isStaying;
    }
    answered(reply) {
        this.asked = undefined;
        if (isFailure(reply))
            return this.failed(reply);
        this.port.alarms.cancel(this);
        this.gap = firstGapMillis;
        this.tell();
        if (this.isStale)
            return this.ask();
        this.isConfirmed = true;
        this.rest();
    }
    /** It is paid when the store has confirmed and nothing of it is out, once it need not stay any more. */
    rest() {
        if (!this.isConfirmed || this.out.length > 0)
            return;
        if (!this.isStaying)
            return this.forget();
        this.port.alarms.cancel(this);
        this.port.alarms.set(this, this.stay);
    }
    get isStaying() {
        return this.stay > this.port.alarms.now();
    }
    /** The store has it for as long as it is to stay: there is nothing to ask until then. */
    settle() {
        this.isConfirmed = true;
        this.tell();
        this.rest();
    }
    failed(failure) {
        const { port } = this;
        const at = port.alarms.now();
        if (!this.isTold)
            this.debts.failed(failure);
        this.tell();
        if (port.closed || (at >= this.until && this.out.length === 0))
            return this.forget();
        // Once more at once, if the store says at once that it could not.
        const isFirst = !this.hasFailed && this.asked === undefined;
        this.hasFailed = true;
        if (isFirst)
            return this.ask();
        port.alarms.cancel(this);
        port.alarms.set(this, at + this.gap);
        this.gap = Math.min(longestGapMillis, 2 * this.gap);
    }
    ring() {
        this.ask();
    }
    forget() {
        const { asked } = this;
        this.port.alarms.cancel(this);
        this.debts.remove(this);
        this.asked = undefined;
        if (asked !== undefined)
            this.port.abandon(asked);
        this.tell();
    }
    tell() {
        if (this.isTold)
            return;
        this.isTold = true;
        const { observers } = this;
        this.observers = undefined;
        if (observers !== undefined) {
            for (const then of observers)
                then();
        }
    }
}
export class Debts {
    /** Told of a release that the store did not confirm at once. */
    failed;
    port;
    owed = new Bag();
    constructor(port, failed) {
        this.port = port;
        this.failed = failed;
    }
    get size() {
        return this.owed.size;
    }
    /**
     * From now on the token is to be gone; who had it says so once. `until` is the latest end in the store of
     * what has been answered for it, `out` what may still be executed.
     */
    owe(key, token, until, out, isQueued) {
        const debt = this.begin(new Debt(this.port, this, key, token, until, isQueued, 0), out);
        if (!debt.isAsked)
            debt.ask();
        return debt;
    }
    /** The same for a token that is to keep the key until `stay`; `isCut` says that its lease ends by then. */
    oweLater(key, token, until, out, stay, isCut) {
        const debt = this.begin(new Debt(this.port, this, key, token, until, false, stay), out);
        if (isCut)
            debt.settle();
        else if (!debt.isAsked)
            debt.ask();
        return debt;
    }
    begin(debt, out) {
        this.owed.add(debt);
        for (const { call, millis } of out)
            debt.watch(call, millis);
        return debt;
    }
    /** Whatever is owed is asked for once more. */
    askAll() {
        for (const debt of this.owed.all())
            if (!debt.isAsked && !debt.isSettled)
                debt.ask();
    }
    forgetAll() {
        for (const debt of this.owed.all())
            debt.forget();
    }
    remove(debt) {
        this.owed.remove(debt);
    }
}
