/**
 * What happens in a backend: always counted, and told to those who listen. While
 * nobody does, telling is a comparison.
 */
import * as Duration from "effect/Duration";
export class Journal {
    meter;
    /** Since when the backend has failed, and not answered. */
    troubledAt = undefined;
    listeners = undefined;
    constructor(meter) {
        this.meter = meter;
    }
    get isTroubled() {
        return this.troubledAt !== undefined;
    }
    /** Tells of everything from now on, until what is returned is called. */
    listen(hear, end) {
        const listener = { hear, end };
        this.listeners = [...this.listeners ?? [], listener];
        return () => {
            const others = this.listeners?.filter((other) => other !== listener) ?? [];
            this.listeners = others.length === 0 ? undefined : others;
        };
    }
    close() {
        this.listeners?.forEach(({ end }) => end());
        this.listeners = undefined;
    }
    tell(event) {
        this.listeners?.forEach(({ hear }) => hear(event));
    }
    // ---------------------------------------------------------------------------
    // Of locks
    // ---------------------------------------------------------------------------
    waiting({ key, owner }) {
        if (this.listeners !== undefined)
            this.tell({ _tag: "Waiting", key, owner });
    }
    acquired({ fencingToken, key }, waitedMillis) {
        this.meter.waited(waitedMillis);
        if (this.listeners === undefined)
            return;
        this.tell({ _tag: "Acquired", key, fencingToken, waited: Duration.millis(waitedMillis) });
    }
    /** A wait has ended without the lock. */
    without({ key }, waitedMillis, isTimeout) {
        if (this.listeners === undefined)
            return;
        this.tell({ _tag: isTimeout ? "TimedOut" : "GaveUp", key, waited: Duration.millis(waitedMillis) });
    }
    /** A call fails because somebody else has the lock. */
    timedOut(request, waitedMillis) {
        this.meter.timeouts++;
        // Whoever waited is told of at the end of the wait, failure or not.
        if (waitedMillis === 0 && this.listeners !== undefined) {
            this.tell({ _tag: "TimedOut", key: request.key, waited: Duration.zero });
        }
    }
    handedOver({ fencingToken, key }) {
        this.meter.handOvers++;
        if (this.listeners !== undefined)
            this.tell({ _tag: "HandedOver", key, fencingToken });
    }
    released(lease, at) {
        this.meter.held(at - lease.since);
        this.unused(lease, at);
    }
    /** The same of one that was on its way to its holder, and that nobody has had. */
    unused({ fencingToken, key, since }, at) {
        if (this.listeners === undefined)
            return;
        this.tell({ _tag: "Released", key, fencingToken, held: Duration.millis(at - since) });
    }
    lost({ endedAt, fencingToken, key, since, why = "Released" }) {
        this.meter.losses++;
        this.meter.held(endedAt - since);
        if (this.listeners === undefined)
            return;
        this.tell({ _tag: "Lost", key, fencingToken, why, held: Duration.millis(endedAt - since) });
    }
    // ---------------------------------------------------------------------------
    // Of the backend
    // ---------------------------------------------------------------------------
    /** Whether that is news. */
    down(failure, at) {
        if (this.isTroubled)
            return false;
        this.troubledAt = at;
        if (this.listeners !== undefined)
            this.tell({ _tag: "BackendDown", failure });
        return true;
    }
    /** For how long it was down, in milliseconds. */
    up(at) {
        const { troubledAt = at } = this;
        this.troubledAt = undefined;
        const millis = at - troubledAt;
        if (this.listeners !== undefined)
            this.tell({ _tag: "BackendUp", after: Duration.millis(millis) });
        return millis;
    }
    /** Those who wait poll from now on, for this reason; or are told again, without one. */
    polling(reason) {
        if (this.listeners === undefined)
            return;
        this.tell(reason === undefined ? { _tag: "PollingEnded" } : { _tag: "PollingBegan", reason });
    }
}
