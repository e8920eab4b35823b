import { PassingMap } from "../passing.js";
const none = new Map();
export class Tokens {
    known = new PassingMap();
    /** Releases that did not get through, with their keys. */
    owed = new Map();
    get(token) {
        return this.known.get(token);
    }
    shares(token) {
        return this.known.get(token)?.shares === true;
    }
    /** A claim of it is on its way. */
    claim(token, shares) {
        let known = this.known.get(token);
        if (known === undefined) {
            known = { shares, place: undefined, out: 0, collected: false, sent: false, returned: false };
            this.known.set(token, known);
        }
        known.out++;
        return known;
    }
    answered(key, token, known, attempt) {
        known.out--;
        known.sent = true;
        if (known.returned) {
            // Executed after its release, as a command that was redirected or sent once more may be.
            if (attempt._tag === "Acquired" || known.place !== undefined)
                this.owed.set(token, key);
            else
                this.forget(token, known);
        }
        else if (attempt._tag === "Held" && known.place === undefined)
            this.forget(token, known);
        return attempt;
    }
    unanswered(token, known, sent) {
        known.out--;
        known.sent ||= sent;
        if (!known.sent)
            this.forget(token, known);
    }
    /** Its release is confirmed. */
    returned(token) {
        const known = this.known.get(token);
        if (known === undefined)
            return;
        known.returned = true;
        this.owed.delete(token);
        this.forget(token, known);
    }
    /** It is somebody else's from now on. */
    drop(token) {
        this.known.delete(token);
    }
    forget(token, known) {
        if (known.out === 0 && !this.owed.has(token))
            this.known.delete(token);
    }
    /**
     * Its release may not have reached the server. It is owed if the token is ours:
     * nobody wants somebody else's lock freed at some later time.
     */
    owe(token, key) {
        if (this.known.has(token))
            this.owed.set(token, key);
    }
    /** All that is owed, to be asked for now. */
    takeDebts() {
        const { owed } = this;
        if (owed.size === 0)
            return none;
        this.owed = new Map();
        return owed;
    }
}
