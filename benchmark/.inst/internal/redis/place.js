/** A token's place in the queue of a lock. */
export class Place {
    lock;
    token;
    leaseMillis;
    share;
    /** When it came, by the server; what brings the place back. Empty until that is known. */
    arrival = "";
    /** Under which modes it may be in the queue. */
    modes = 0;
    mode = 2;
    constructor(lock, token, leaseMillis, share) {
        this.lock = lock;
        this.token = token;
        this.leaseMillis = leaseMillis;
        this.share = share;
    }
    /** From now on its entry is one of this mode. */
    enter(mode) {
        this.mode = mode;
        this.modes |= mode;
    }
    named(mode) {
        const alone = `${this.token},${this.leaseMillis},${mode}`;
        return this.share === undefined ? alone : `${alone},${this.share.permits}/${this.share.limit}`;
    }
    get entry() {
        return this.named(this.mode);
    }
    /** The entry that a look or a claim removes. */
    get stale() {
        return this.modes === 3 ? this.named(this.mode === 1 ? 2 : 1) : "";
    }
    get entries() {
        return [1, 2].filter((mode) => (this.modes & mode) !== 0).map((mode) => this.named(mode));
    }
}
