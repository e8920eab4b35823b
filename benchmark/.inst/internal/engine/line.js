/**
 * One key in this process: who waits, who has the turn, and which lease the
 * process has. Whatever of these changes hands does so here.
 *
 * Whoever has the turn talks to the store, so a process is one contender however
 * many of its fibers wait. The turn is free, or it is with one who asks, or with
 * who holds the key alone, and keeps it until the lease is back or lost. Who shares
 * the key passes it on as soon as it has its lease.
 */
import * as Duration from "effect/Duration";
import * as Token from "../token.js";
import { Claim } from "./claim.js";
import { Lease } from "./lease.js";
import { enoughToHandOver, Lending } from "./lender.js";
import { isFailure } from "./port.js";
import { Common } from "./sharing.js";
export class Waiter {
    index = -1;
    request;
    previous = undefined;
    next = undefined;
    /** Its time is over, and it only waits for what the one with the turn hears. */
    isOverdue = false;
    /** What was known of the key when its time was over. */
    known = undefined;
    /** Set when it has left the line. */
    baton = undefined;
    line;
    served = undefined;
    constructor(line, request) {
        this.line = line;
        this.request = request;
    }
    /** Calls back once there is a baton, in a turn of its own. */
    whenServed(then) {
        this.served = then;
        if (this.baton !== undefined)
            then();
    }
    wake() {
        this.served?.();
    }
    serve(lease) {
        const turn = this.baton;
        this.baton = lease;
        this.line.pass(turn);
    }
    ring() {
        this.line.timeOut(this);
    }
}
export class Line extends Lending {
    /** Nobody has the turn, and nobody waits. */
    vacant = true;
    key;
    /** The lease that this process has. */
    lease = undefined;
    /** What the one with the turn asks the store with. */
    claim = undefined;
    /** Whom a shared lease that comes back can serve. */
    front = undefined;
    /** Others stood in front of the last one here that got to share the key: whoever is next takes a place in the queue at once. */
    isSought = false;
    lines;
    head = undefined;
    last = undefined;
    overdue = 0;
    /** The lease is on its way to the next holder. */
    isPassing = false;
    /** What the turn has heard last from the store. */
    heard = undefined;
    /** When the process got the lease, and how often it has changed hands here. */
    leasedAt = 0;
    handed = 0;
    constructor(parts, lines, key) {
        super(parts);
        this.lines = lines;
        this.key = key;
    }
    // ---------------------------------------------------------------------------
    // Waiting
    // ---------------------------------------------------------------------------
    /** The store has been asked, for the key or to take it back, and nothing is known yet. */
    get isInDoubt() {
        const { lease } = this;
        return this.heard === undefined && (lease === undefined ? this.claim !== undefined : lease.isBack);
    }
    enter(request, endsAt) {
        const waiter = new Waiter(this, request);
        waiter.previous = this.last;
        if (this.last === undefined)
            this.head = waiter;
        else
            this.last.next = waiter;
        this.last = waiter;
        if (request.timeoutMillis === 0)
            this.timeOut(waiter);
        else
            this.parts.port.alarms.set(waiter, endsAt);
        return waiter;
    }
    /** How many wait, whoever asks the store for them included. */
    get waiting() {
        let count = this.isAsking ? 1 : 0;
        for (let waiter = this.head; waiter !== undefined; waiter = waiter.next)
            count++;
        return count;
    }
    /** How many of them the store has not been told of. */
    get untold() {
        return this.isAsking && this.claim.isListening ? this.waiting - 1 : this.waiting;
    }
    get isAsking() {
        return this.claim !== undefined && this.lease === undefined;
    }
    /** Its time is over. While nothing is known, it waits for that. */
    timeOut(waiter) {
        if (waiter.baton !== undefined || waiter.isOverdue)
            return;
        if (this.isInDoubt) {
            waiter.isOverdue = true;
            this.overdue++;
        }
        else
            this.give(waiter, "TimedOut");
    }
    /** It goes, whatever it has been given. */
    leave(waiter) {
        const { baton } = waiter;
        if (baton === undefined)
            this.remove(waiter);
        else if (baton instanceof Lease && baton.share !== undefined)
            this.forsake(baton);
        else if (baton !== "TimedOut" && baton !== "Closed")
            this.pass(baton);
    }
    /** Everybody goes. */
    close() {
        while (this.head !== undefined)
            this.give(this.head, "Closed");
        this.claim?.notify(undefined);
    }
    /** What the turn has heard is what those hear whose time is over. */
    hear(reply) {
        this.heard = reply;
        this.dismissOverdue();
    }
    /** What is known of the key. */
    known(at) {
        const { lease } = this;
        if (lease === undefined || lease.isBack)
            return this.heard;
        return { _tag: "Held", token: lease.token, remainingMillis: Math.max(0, lease.deadline - at) };
    }
    dismissOverdue() {
        let waiter = this.head;
        while (waiter !== undefined && this.overdue > 0) {
            const { next } = waiter;
            if (waiter.isOverdue)
                this.give(waiter, "TimedOut");
            waiter = next;
        }
    }
    remove(waiter) {
        const { next, previous } = waiter;
        this.parts.port.alarms.cancel(waiter);
        if (previous === undefined)
            this.head = next;
        else
            previous.next = next;
        if (next === undefined)
            this.last = previous;
        else
            next.previous = previous;
        waiter.previous = waiter.next = undefined;
        if (waiter.isOverdue)
            this.overdue--;
    }
    give(waiter, baton) {
        this.remove(waiter);
        waiter.baton = baton;
        // Fixed now: when it wakes, the line may have gone on.
        if (baton === "TimedOut")
            waiter.known = this.known(this.now());
        // Not in place: a chain of holders that finish at once would grow the stack.
        this.parts.port.soon(() => waiter.wake());
    }
    // ---------------------------------------------------------------------------
    // The turn
    // ---------------------------------------------------------------------------
    /** The one with the turn gives it up, to the next in line. Without a next, what came with it goes back. */
    pass(baton) {
        this.isPassing = false;
        this.claim = baton instanceof Claim ? baton : undefined;
        this.front = undefined;
        if (!(baton instanceof Lease))
            this.letJoin();
        const { head } = this;
        if (head !== undefined) {
            this.isPassing = baton instanceof Lease;
            if (!this.isPassing)
                this.front = head;
            return this.give(head, baton);
        }
        if (baton instanceof Claim)
            baton.disown();
        else if (baton instanceof Lease)
            this.forsake(baton);
        this.lease = this.claim = this.heard = undefined;
        this.isSought = false;
        this.lines.vacate(this);
    }
    /** Readers that are next share the lease that one here has just got. */
    letJoin() {
        for (let { head } = this; head?.request.share !== undefined; head = this.head) {
            const lease = this.parts.sharing.join(head.request, this.now());
            if (lease === undefined)
                return;
            this.give(head, lease);
        }
    }
    /** Who is next has what somebody here has given back, if it wants that. */
    serve(common, at) {
        const { front } = this;
        if (front === undefined || !common.serves(front.request, at))
            return false;
        front.serve(common.pass(at));
        return true;
    }
    // ---------------------------------------------------------------------------
    // The lease
    // ---------------------------------------------------------------------------
    /** The one with the turn has become the holder. */
    hold(request, claim, fencingToken, at, deadline, waited) {
        const { expiresMillis, renew, share } = request;
        const lender = share === undefined ? this : this.parts.sharing;
        const lease = new Lease(lender, this.key, claim.token, fencingToken, expiresMillis, renew, at, deadline, waited);
        if (claim.hold !== undefined)
            lease.carriedBy(claim.hold);
        this.isSought = share !== undefined && claim.isListening;
        if (request.atLeastMillis > 0)
            lease.stay = at + request.atLeastMillis;
        lease.follow(claim.won());
        this.heard = undefined;
        if (share !== undefined) {
            // Who shares has no need of the turn: others may come in beside it.
            const own = this.parts.sharing.lend(lease, share);
            this.pass("Turn");
            return own;
        }
        this.lease = lease;
        this.leasedAt = at;
        this.handed = 0;
        this.claim = undefined;
        this.dismissOverdue();
        return lease;
    }
    /** Takes over a lease that was had without a line, since somebody has come to wait for it. */
    adopt(lease) {
        lease.lender = this;
        this.lease = lease;
    }
    /** Whoever is handed a lease looks at it: what is over or nearly so is none, and the turn, if it is theirs, is all there is. */
    receive(lease, at, waited) {
        if (lease.share === undefined)
            this.isPassing = false;
        if (!lease.isHeld || lease.deadline - at <= Math.min(lease.expiresMillis / 10, enoughToHandOver / 3)) {
            this.forsake(lease);
            return undefined;
        }
        lease.since = at;
        lease.waitedMillis = waited;
        return lease;
    }
    /** Of a lease that nobody has. */
    forsake(lease) {
        if (lease.lender instanceof Common)
            return lease.lender.forsake(lease, this.now());
        if (this.lease === lease)
            this.lease = undefined;
        if (lease.isBack)
            return;
        lease.isBack = true;
        if (lease.isHeld) {
            lease.why = "Released";
            this.parts.journal.unused(lease, this.now());
        }
        this.parts.keeper.remove(lease);
        this.owe(lease);
    }
    lost(lease) {
        super.lost(lease);
        // The one that it was on its way to has the turn, and will see.
        if (this.isPassing && this.lease === lease)
            return this.forsake(lease);
        if (this.lease !== lease)
            return;
        this.lease = undefined;
        this.pass("Turn");
    }
    gone(lease, at) {
        super.gone(lease, at);
        this.over(lease);
    }
    back(lease, at) {
        const { closed, port } = this.parts;
        // The turn has gone on when it was lost.
        if (lease.why !== "Released")
            return this.owe(lease);
        this.returned(lease, at);
        const next = this.head;
        if (next !== undefined && !closed && lease.out.length === 0 && lease.stay <= at) {
            if (this.mayHandOver(lease, next.request, at)) {
                this.handOver(lease, at);
                return undefined;
            }
            if (port.store.exchange !== undefined) {
                const exchanged = this.exchange(lease, next.request, at);
                if (exchanged !== undefined)
                    return exchanged;
            }
        }
        const debt = this.owe(lease);
        if (debt === undefined) {
            this.over(lease);
            return undefined;
        }
        // Not before: the next one would be asking against our own lease.
        debt.whenOver(() => this.over(lease));
        return debt;
    }
    over(lease) {
        if (this.lease === lease)
            this.lease = undefined;
        this.pass("Turn");
    }
    /**
     * A successor takes a lease as it is, so it must want one of the same length and
     * owner that renews itself, and enough of it must be left.
     */
    mayHandOver(lease, next, at) {
        const { handOver } = this.parts.port.store;
        if (handOver === undefined)
            return false;
        const { deadline, expiresMillis, renews } = lease;
        const elapsed = at - this.leasedAt;
        return this.handed + 1 < handOver.times &&
            elapsed < Duration.toMillis(handOver.within) &&
            // Fencing tokens of local successors stay below what the store gives out next.
            this.handed + 1 <= elapsed * 1000 &&
            renews && next.renew && next.expiresMillis === expiresMillis && next.share === undefined &&
            next.atLeastMillis === 0 &&
            Token.isOf(lease.token, next.owner) && deadline - at > Math.min(expiresMillis / 4, enoughToHandOver);
    }
    /** A lease of its own for the next one, of the same token. It is kept meanwhile. */
    handOver({ deadline, expiresMillis, fencingToken, key, lastEnd, token }, at) {
        this.handed++;
        const heir = new Lease(this, key, token, fencingToken + 1, expiresMillis, true, at, deadline, 0);
        heir.lastEnd = lastEnd;
        this.lease = heir;
        this.parts.journal.handedOver(heir);
        this.parts.keeper.add(heir);
        this.pass(heir);
    }
    /** Releases, and claims for the next in line, in one operation; unless listening for that takes time. */
    exchange(lease, next, at) {
        const { debts, nextToken, port } = this.parts;
        const claim = new Claim(port, debts, nextToken(at, next.owner), next);
        if (port.store.listen !== undefined && claim.listen().reply !== true) {
            claim.disown();
            return undefined;
        }
        this.lease = undefined;
        this.claim = claim;
        const exchange = new Exchange();
        claim.exchange(lease.token, at).wait(at + port.patience, (reply = port.noReply("release", this.key)) => {
            claim.reply = reply;
            if (isFailure(reply))
                this.owe(lease);
            if (reply._tag !== "Acquired")
                this.hear(reply);
            exchange.end();
            this.pass(claim);
        });
        return exchange;
    }
}
class Exchange {
    isOver = false;
    observers = [];
    whenOver(then) {
        if (this.isOver)
            then();
        else
            this.observers = [...this.observers, then];
    }
    end() {
        this.isOver = true;
        for (const then of this.observers)
            then();
    }
}
