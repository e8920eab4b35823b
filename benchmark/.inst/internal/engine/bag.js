export class Bag {
    things = [];
    get size() {
        return this.things.length;
    }
    /** A copy: those in it may go meanwhile. */
    all() {
        return this.things.slice();
    }
    [Symbol.iterator]() {
        return this.things[Symbol.iterator]();
    }
    add(thing) {
        thing.place = this.things.push(thing) - 1;
    }
    /** Does nothing with what is not in it. */
    remove(thing) {
        const { place } = thing;
        if (place === -1)
            return;
        thing.place = -1;
        const last = this.things.pop();
        if (last === thing)
            return;
        this.things[place] = last;
        last.place = place;
    }
}
