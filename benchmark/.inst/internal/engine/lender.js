/** So much of a lease, in milliseconds, is enough to hand it over, however long it is: its heir renews it soon. */
export const enoughToHandOver = 150;
class Base {
    parts;
    constructor(parts) {
        this.parts = parts;
    }
    get home() {
        return this.parts;
    }
    now() {
        return this.parts.port.alarms.now();
    }
    nextToken() {
        return this.parts.nextToken();
    }
    keep(lease) {
        if (this.parts.closed)
            lease.lose("Closed", this.now());
        else
            this.parts.keeper.add(lease);
    }
    extend(lease, millis) {
        return this.parts.keeper.extend(lease, millis);
    }
    moved(_lease) { }
    detach(lease, millis) {
        return this.parts.keeper.detach(lease, millis);
    }
    gone(lease, at) {
        const { hold, key, token } = lease;
        if (hold?.bearer === lease)
            hold.bearer = { text: token, token };
        this.parts.port.store.forget?.(key, token);
        this.returned(lease, at);
    }
    lost(lease) {
        const { journal, keeper } = this.parts;
        keeper.remove(lease);
        journal.lost(lease);
    }
    /** It is no longer held, by its holder's own will. */
    returned(lease, at) {
        const { journal, keeper } = this.parts;
        keeper.remove(lease);
        journal.released(lease, at);
    }
    /** The store is to forget the lease's token. */
    owe(lease) {
        const { debts, port } = this.parts;
        const { deadline, expiresMillis, hold, key, lastEnd, out, stay } = lease;
        // In this process it is known at once whether it has been taken away, and is somebody else's by now.
        const isOurs = hold === undefined || hold.bearer === lease;
        if (stay > 0 && isOurs && stay > this.now())
            return this.leaveBehind(lease);
        if (hold !== undefined) {
            hold.free(lease);
            return undefined;
        }
        lease.out = [];
        return debts.owe(key, lease.token, Math.max(deadline + port.margin(expiresMillis), lastEnd), out, false);
    }
    /** The token is to keep the key for a while, also if this process ends: nobody's lease, which ends by itself. */
    leaveBehind(lease) {
        const { debts, port } = this.parts;
        const { deadline, expiresMillis, hold, key, lastEnd, out, since, stay, token } = lease;
        if (hold !== undefined)
            hold.bearer = { text: token, token };
        lease.out = [];
        // Taken for no longer, and never extended.
        const isCut = expiresMillis < stay - since + 1 && lastEnd === 0 && out.length === 0;
        return debts.oweLater(key, token, Math.max(deadline + port.margin(expiresMillis), lastEnd), out, stay, isCut);
    }
}
export { Base as Lending };
/**
 * Lends keys of a store in this process that nobody else here waits for: they need
 * no line. When somebody comes to wait, a line takes the lease over.
 */
export class Counter extends Base {
    back(lease, at) {
        if (lease.why === "Released")
            this.returned(lease, at);
        if (lease.stay > 0)
            return this.owe(lease);
        lease.hold.free(lease);
        return undefined;
    }
}
