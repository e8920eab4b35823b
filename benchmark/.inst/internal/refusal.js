/** A request that ended without the lock. It is no error yet, and costs as little. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { LockTimeout } from "../LockError.js";
import { lockError } from "./failing.js";
import { toHolder } from "./holder.js";
import { wholeMillis } from "./time.js";
export class Refusal {
    request;
    waitedMillis;
    refusing;
    caller;
    known;
    constructor(refusing, request, caller, waitedMillis, known) {
        this.refusing = refusing;
        this.request = request;
        this.caller = caller;
        this.waitedMillis = waitedMillis;
        this.known = known;
    }
    /** The failure of a call that wanted the lock. */
    get fail() {
        const { known, refusing, request } = this;
        if (Effect.isEffect(known))
            return Effect.flatMap(known, (known) => this.timedOut(known));
        return this.timedOut(known?.token === undefined ? refusing.holderOf(request.key) : known);
    }
    timedOut(known) {
        const { caller, refusing, request, waitedMillis } = this;
        const { key, timeoutMillis } = request;
        refusing.refused(request, waitedMillis);
        const reason = () => new LockTimeout({
            key,
            timeout: Duration.millis(timeoutMillis),
            waited: wholeMillis(waitedMillis),
            holder: known?.token === undefined ? undefined : toHolder({ ...known, token: known.token }),
            ...(refusing.isHeldBy(key, caller) && { byCaller: true })
        });
        return Exit.fail(lockError(reason, caller));
    }
}
