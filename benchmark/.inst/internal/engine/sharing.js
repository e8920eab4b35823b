/**
 * Keys that are shared, and those taken on from somebody else. Each of those who
 * share one holds a lease for itself; unless the store lets leases pass from fiber to fiber: then those of one process
 * that come together, or one after another, have one lease of the store in common.
 */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { failWith } from "../failing.js";
import * as Token from "../token.js";
import { Lease } from "./lease.js";
import { enoughToHandOver, Lending } from "./lender.js";
export const isSame = (one, other) => one?.permits === other?.permits && one?.limit === other?.limit;
/** It keeps out those only who want the key alone, so it does not matter how many hold one lease of it. */
const isReader = (share) => share.limit === Number.MAX_SAFE_INTEGER && share.permits === 1;
export class Sharing extends Lending {
    nextOf;
    lent = new Set();
    commons = new Map();
    /** What readers may join, by key. */
    latest = new Map();
    constructor(parts, nextOf) {
        super(parts);
        this.nextOf = nextOf;
    }
    /** All that holders have. */
    all() {
        return [...this.lent, ...Array.from(this.commons.values(), ({ leases }) => Array.from(leases)).flat()];
    }
    /** A lease of the store that stands for those of several holders. */
    isCommon(lease) {
        return this.commons.has(lease);
    }
    /** How many more holders there are than leases of the store. */
    get surplus() {
        let surplus = 0;
        for (const { leases } of this.commons.values())
            surplus += Math.max(0, leases.size - 1);
        return surplus;
    }
    /** What the holder has of a lease that the store has given. */
    lend(lease, share) {
        lease.share = share;
        const { handOver } = this.parts.port.store;
        if (share === undefined || handOver === undefined || !lease.renews || lease.stay > 0) {
            this.lent.add(lease);
            return lease;
        }
        const common = new Common(this.parts, this, lease);
        this.commons.set(lease, common);
        if (isReader(share))
            this.latest.set(lease.key, common);
        return common.lend(lease.since, lease.waitedMillis);
    }
    /** For a reader that comes so soon after another one of this process that they share its lease. */
    join(request, at) {
        const { key, share } = request;
        if (this.latest.size === 0 || share === undefined || !isReader(share))
            return undefined;
        const common = this.latest.get(key);
        if (common === undefined || !common.serves(request, at))
            return undefined;
        return common.pass(at);
    }
    /** Nobody has it any more: it is for the next here, or goes back. */
    left(common, at) {
        const { lease } = common;
        if (lease.isHeld && !this.parts.closed && this.nextOf(lease.key)?.serve(common, at) === true)
            return undefined;
        this.commons.delete(lease);
        if (this.latest.get(lease.key) === common)
            this.latest.delete(lease.key);
        lease.isBack = true;
        lease.why ??= "Released";
        this.parts.keeper.remove(lease);
        return this.owe(lease);
    }
    lost(lease) {
        const common = this.commons.get(lease);
        if (common === undefined)
            return super.lost(lease);
        this.parts.keeper.remove(lease);
        common.lose(lease.why, lease.endedAt);
    }
    moved(lease) {
        this.commons.get(lease)?.follow();
    }
    gone(lease, at) {
        this.lent.delete(lease);
        super.gone(lease, at);
    }
    back(lease, at) {
        this.lent.delete(lease);
        if (lease.why === "Released")
            this.returned(lease, at);
        return this.owe(lease);
    }
}
/** A lease of the store that holders in this process have in common: each of them one of its own, which counts as long. */
export class Common {
    /** As the store knows it. */
    lease;
    /** Of its holders. */
    leases = new Set();
    parts;
    sharing;
    leasedAt;
    handed = 0;
    constructor(parts, sharing, lease) {
        this.parts = parts;
        this.sharing = sharing;
        this.lease = lease;
        this.leasedAt = lease.since;
    }
    /** A lease is had as it is: whoever gets it wants one of the same kind, and enough of it is left, and it is new. */
    serves(request, at) {
        const { deadline, expiresMillis, isHeld, out, share, text } = this.lease;
        const { times, within } = this.parts.port.store.handOver;
        return isHeld && out.length === 0 && at - this.leasedAt < Duration.toMillis(within) &&
            (this.leases.size > 0 || this.handed + 1 < times) &&
            request.renew && request.atLeastMillis === 0 && request.expiresMillis === expiresMillis &&
            isSame(request.share, share) &&
            Token.isOf(text, request.owner) && deadline - at > Math.min(expiresMillis / 4, enoughToHandOver);
    }
    /** One of its own for one who holds it, too. All have one fencing token: nobody had the key alone in between. */
    lend(at, waited) {
        const { deadline, expiresMillis, fencingToken, key, share, token } = this.lease;
        const lease = new Lease(this, key, token, fencingToken, expiresMillis, true, at, deadline, waited);
        lease.share = share;
        this.leases.add(lease);
        return lease;
    }
    /** For one who joins those who have it, or comes after them. */
    pass(at) {
        if (this.leases.size === 0)
            this.handed++;
        const lease = this.lend(at, 0);
        this.parts.journal.handedOver(lease);
        return lease;
    }
    /** Its lease has been set anew. */
    follow() {
        const { deadline, expiresMillis } = this.lease;
        for (const lease of this.leases) {
            lease.deadline = deadline;
            lease.expiresMillis = expiresMillis;
        }
    }
    lose(why, at) {
        for (const lease of Array.from(this.leases)) {
            if (this.lease.failure !== undefined)
                lease.failure = this.lease.failure;
            lease.lose(why, at);
        }
    }
    get home() {
        return this.parts;
    }
    now() {
        return this.sharing.now();
    }
    nextToken() {
        return this.lease.token;
    }
    keep() {
        this.sharing.keep(this.lease);
    }
    extend(lease, millis) {
        const check = Effect.suspend(() => lease.check);
        return Effect.andThen(check, Effect.matchEffect(this.sharing.extend(this.lease, millis), {
            onSuccess: () => check,
            onFailure: (error) => lease.isHeld ? Effect.fail(error) : check
        }));
    }
    detach(lease) {
        return failWith(this.parts.port.untransferable(lease.key));
    }
    gone() { }
    moved() { }
    /** One is lost with all. */
    lost(lease) {
        this.parts.journal.lost(lease);
        this.lease.lose(lease.why, lease.endedAt);
    }
    back(lease, at) {
        if (lease.why === "Released")
            this.parts.journal.released(lease, at);
        return this.leave(lease, at);
    }
    /** One that nobody has had. */
    forsake(lease, at) {
        if (lease.isBack)
            return;
        lease.isBack = true;
        if (lease.isHeld) {
            lease.why = "Released";
            this.parts.journal.unused(lease, at);
        }
        this.leave(lease, at);
    }
    leave(lease, at) {
        this.leases.delete(lease);
        return this.leases.size === 0 ? this.sharing.left(this, at) : undefined;
    }
}
