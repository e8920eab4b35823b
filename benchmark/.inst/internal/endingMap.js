/**
 * A map whose entries may go once they have ended, for what nobody may ever take
 * out. It looks for them whenever it has doubled, so it stays small without a timer.
 */
export class EndingMap {
    entries = new Map();
    limit = 64;
    get size() {
        return this.entries.size;
    }
    get(key) {
        return this.entries.get(key);
    }
    set(key, value, now) {
        this.entries.set(key, value);
        if (this.entries.size < this.limit)
            return;
        for (const [ended, { endsAt }] of this.entries)
            if (endsAt <= now)
                this.entries.delete(ended);
        this.limit = Math.max(64, this.entries.size * 2);
    }
    delete(key) {
        return this.entries.delete(key);
    }
}
