/**
 * A map and a set for what comes and goes, call by call.
 *
 * V8 gives a `Map` that is full of gaps, or is cleared, a new table, to which the
 * one before points. Once such a table has grown old it keeps alive whatever comes
 * into the map after it, until the next full collection: all short-lived objects are
 * then copied as if they were to stay, by pauses ten times as long. So these begin
 * anew every now and then, with a map that nothing points to.
 */
/** How often something goes before a new one, which is seldom enough to cost nothing. */
const often = 256;
export class PassingMap {
    entries = new Map();
    gone = 0;
    get size() {
        return this.entries.size;
    }
    has(key) {
        return this.entries.has(key);
    }
    get(key) {
        return this.entries.get(key);
    }
    set(key, value) {
        this.entries.set(key, value);
    }
    delete(key) {
        if (!this.entries.delete(key))
            return false;
        if (++this.gone > often + this.entries.size) {
            this.gone = 0;
            this.entries = new Map(this.entries);
        }
        return true;
    }
    /** Those that are there now, the first first. */
    list() {
        return Array.from(this.entries);
    }
}
export class PassingSet {
    members = new Set();
    gone = 0;
    get size() {
        return this.members.size;
    }
    add(member) {
        this.members.add(member);
    }
    delete(member) {
        if (!this.members.delete(member))
            return false;
        if (++this.gone > often + this.members.size) {
            this.gone = 0;
            this.members = new Set(this.members);
        }
        return true;
    }
    /** Those that are there now, the first first. */
    list() {
        return Array.from(this.members);
    }
    clear() {
        this.members = new Set();
    }
}
