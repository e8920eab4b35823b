/**
 * What this process has of a key: a token, until when it counts, and what has been
 * sent to extend it. It is held, then lost or released, once. It knows by an
 * interface of its own who it is had from, so that it depends on nobody.
 */
import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { constVoid } from "effect/Function";
import * as Result from "effect/Result";
import { LockLost } from "../../LockError.js";
import { until } from "../ending.js";
import { lockError } from "../failing.js";
import { decodeExtension } from "../options.js";
import { wholeMillis } from "../time.js";
const none = [];
export class Lease {
    lender;
    key;
    fencingToken;
    /** How long its holder waited for another, in milliseconds. */
    waitedMillis;
    /** When its holder got it. */
    since;
    /** How long an extension lasts. */
    expiresMillis;
    /** It counts until then. */
    deadline;
    /** Infinite if it is not renewed. */
    renewAt;
    /** Where the keeper has it, or -1. */
    place = -1;
    why = undefined;
    /** When it was lost or released, or the work under it ended. */
    endedAt = 0;
    /** Its holder has given it back, lost or not. */
    isBack = false;
    /** How it shares its key; without, it has it alone. */
    share = undefined;
    /** Of a store in this process: what it has there. */
    hold = undefined;
    /** Whose work it was taken for, and what does that. */
    caller = undefined;
    worker = undefined;
    text;
    story = undefined;
    watcher = undefined;
    constructor(lender, key, token, fencingToken, expiresMillis, renew, since, deadline, waitedMillis) {
        this.lender = lender;
        this.key = key;
        this.text = token;
        this.fencingToken = fencingToken;
        this.expiresMillis = expiresMillis;
        this.since = since;
        this.deadline = deadline;
        this.renewAt = renew ? since + (deadline - since) / 3 : Infinity;
        this.waitedMillis = waitedMillis;
    }
    /** Of a store in this process: it stands for the holder there. */
    carriedBy(hold) {
        this.hold = hold;
        this.fencingToken = hold.fencingToken;
        hold.bearer = this;
        return this;
    }
    /** Drawn when somebody asks for it. */
    get token() {
        return this.text ??= this.lender.nextToken();
    }
    get home() {
        return this.lender.home;
    }
    get isHeld() {
        return this.why === undefined;
    }
    leaseOf(home, key) {
        return this.key === key && this.home === home && this.isHeld ? this : undefined;
    }
    get renews() {
        return this.renewAt < Infinity;
    }
    // ---------------------------------------------------------------------------
    // For its holder
    // ---------------------------------------------------------------------------
    get waited() {
        return Duration.millis(this.waitedMillis);
    }
    get remaining() {
        return Effect.sync(() => this.isHeld ? Duration.millis(Math.max(0, this.deadline - this.lender.now())) : Duration.zero);
    }
    extend(expires) {
        return Effect.suspend(() => {
            if (expires === undefined)
                return this.lender.extend(this, undefined);
            const millis = decodeExtension(expires);
            return Result.isFailure(millis) ? Exit.fail(millis.failure) : this.lender.extend(this, millis.success);
        });
    }
    get release() {
        return Effect.suspend(() => {
            const ending = this.giveBack();
            return ending === undefined ? Effect.void : Effect.asVoid(until(ending));
        });
    }
    get lost() {
        return Effect.callback((resume) => Effect.sync(this.watch(() => resume(Exit.fail(this.lostError())))));
    }
    /** Fails when it is no longer held. */
    get check() {
        return this.isHeld ? Exit.void : Exit.fail(this.lostError());
    }
    // ---------------------------------------------------------------------------
    // For the section that works under it
    // ---------------------------------------------------------------------------
    /** Keeps it from now on, and calls back once when it is lost: at once if it is. */
    watch(watcher) {
        if (this.isHeld)
            this.lender.keep(this);
        if (!this.isHeld) {
            if (this.why !== "Released")
                watcher();
            return constVoid;
        }
        const others = this.watchers;
        this.watcher = others.length === 0 ? watcher : [...others, watcher];
        return () => {
            this.watcher = this.watchers.filter((other) => other !== watcher);
        };
    }
    get watchers() {
        const { watcher } = this;
        return watcher === undefined ? [] : typeof watcher === "function" ? [watcher] : watcher;
    }
    /** Keeps it from now on, and calls back once when it is lost or given back. */
    whenGone(then) {
        const unwatch = this.watch(then);
        const { goers } = this.telling;
        goers.add(then);
        return () => {
            unwatch();
            goers.delete(then);
        };
    }
    /** How work under it has ended that leaves it as it is. */
    judge(exit, caller) {
        return this.isOver ? this.endedBy(exit, caller) : exit;
    }
    /** Whoever starts work under it looks at it first. */
    get isOver() {
        if (this.isHeld) {
            const at = this.lender.now();
            if (at >= this.deadline)
                this.lose("Expired", at);
        }
        return !this.isHeld;
    }
    /** How work under it has ended: as it did, unless the lease ended first. */
    settle(exit, caller) {
        if (this.isHeld) {
            this.endedAt = this.lender.now();
            // Work that kept the process too busy for the alarm learns it now.
            if (this.endedAt < this.deadline)
                return exit;
            this.lose("Expired", this.endedAt);
        }
        return this.why === "Released" ? exit : this.endedBy(exit, caller);
    }
    endedBy(exit, caller) {
        const lost = Cause.fail(this.lostError(caller));
        if (exit._tag === "Success")
            return Exit.failCause(lost);
        // What else went wrong in the work stays visible beside the loss.
        const others = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason));
        return Exit.failCause(Cause.fromReasons([...lost.reasons, ...others]));
    }
    /** Once, whether or not it has been lost. */
    giveBack() {
        if (this.isBack)
            return undefined;
        this.isBack = true;
        this.watcher = undefined;
        const at = this.endedAt === 0 ? this.lender.now() : this.endedAt;
        if (this.isHeld) {
            this.why = "Released";
            this.endedAt = at;
            this.story?.ended(Exit.void);
            this.story?.gone();
        }
        const ending = this.lender.back(this, at);
        this.story?.back();
        return ending;
    }
    /** Leaves it to whoever knows its token. */
    detach(millis) {
        return this.lender.detach(this, millis);
    }
    /** At once: as given back, but for the store, which goes on to know its token. */
    leave() {
        this.isBack = true;
        this.watcher = undefined;
        const at = this.lender.now();
        this.why = "Released";
        this.endedAt = at;
        this.story?.ended(Exit.void);
        this.story?.gone();
        this.lender.gone(this, at);
        this.story?.back();
    }
    /** Called once, when it is lost or given back. */
    whenEnded(then) {
        this.telling.onEnd = then;
        if (!this.isHeld)
            this.story?.ended(this.why === "Released" ? Exit.void : this.check);
    }
    // ---------------------------------------------------------------------------
    // For those who keep it
    // ---------------------------------------------------------------------------
    /** Until when its token keeps the key, whenever it comes back. */
    get stay() {
        return this.story?.stay ?? 0;
    }
    set stay(until) {
        this.telling.stay = until;
    }
    /** Called once, when it is given back. */
    whenBack(then) {
        this.telling.onBack = then;
    }
    lose(why, at) {
        if (!this.isHeld)
            return;
        this.why = why;
        this.endedAt = at;
        this.lender.lost(this);
        this.story?.ended(this.check);
        const { watchers } = this;
        this.watcher = undefined;
        for (const watcher of watchers)
            watcher();
    }
    /** What sets its lease in the store and is not answered. */
    get out() {
        return this.story?.out ?? none;
    }
    set out(out) {
        if (out.length > 0 || this.story !== undefined)
            this.telling.out = out;
    }
    /** The latest end in the store of what has been answered for it, our deadline aside. */
    get lastEnd() {
        return this.story?.lastEnd ?? 0;
    }
    set lastEnd(end) {
        if (end > this.lastEnd)
            this.telling.lastEnd = end;
    }
    /**
     * An extension is sent, which others that are out may overtake, and it them.
     * `alike` is shared by those that are sent together.
     */
    sending(alike) {
        const { out } = this;
        if (out.length === 0) {
            this.out = [alike];
            return alike;
        }
        const sent = { ...alike };
        this.out = out.map((other) => {
            sent.sure = Math.min(sent.sure, other.millis);
            return other.sure <= sent.millis ? other : { ...other, sure: sent.millis };
        });
        this.out = [...this.out, sent];
        return sent;
    }
    /** What is out is answered at `at`: whether it was executed or not, what it left may last until then. */
    answered(call, at) {
        const { out } = this;
        const sent = out.find((other) => other.call === call);
        if (sent === undefined)
            return undefined;
        this.lastEnd = at + sent.millis;
        this.out = out.length === 1 ? none : out.filter((other) => other !== sent);
        return sent;
    }
    /** What was sent before it was had, and is executed late, starts it anew. */
    follow(out) {
        if (out.length === 0)
            return;
        this.out = out;
        for (const { call } of out)
            call.onReply(() => this.answered(call, this.lender.now()));
    }
    /** By an answer that says yes. */
    extended(deadline, renewAt, millis) {
        this.deadline = Math.max(this.deadline, deadline);
        this.expiresMillis = Math.max(this.expiresMillis, millis);
        if (this.renews)
            this.renewAt = Math.max(this.renewAt, renewAt);
        if (this.story !== undefined)
            this.story.failure = undefined;
        this.lender.moved(this);
    }
    /** Why its last extension is not known to have been made. */
    get failure() {
        return this.story?.failure;
    }
    set failure(failure) {
        this.telling.failure = failure;
    }
    get telling() {
        return this.story ??= new Story();
    }
    lostError(caller) {
        const { endedAt, failure, key, since, why = "Released" } = this;
        const reason = () => new LockLost({
            key,
            why,
            held: wholeMillis(endedAt - since),
            ...(why === "Expired" && failure !== undefined && { failure })
        });
        return lockError(reason, caller);
    }
}
/** What only some leases have: those that live long, are traced, or are in a scope. */
class Story {
    out = none;
    lastEnd = 0;
    stay = 0;
    failure = undefined;
    onEnd = undefined;
    onBack = undefined;
    goers = new Set();
    ended(exit) {
        const { onEnd } = this;
        this.onEnd = undefined;
        onEnd?.(exit);
    }
    gone() {
        for (const then of this.goers)
            then();
        this.goers.clear();
    }
    back() {
        const { onBack } = this;
        this.onBack = undefined;
        onBack?.();
    }
}
