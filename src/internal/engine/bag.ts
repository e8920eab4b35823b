/**
 * Things that come and go, in no order, each of which knows its place: coming and
 * going cost the same however many there are, and nothing is hashed or allocated.
 */
export interface Placed {
  /** Where the bag has it, or -1. */
  place: number
}

export class Bag<A extends Placed> implements Iterable<A> {
  private readonly things: Array<A> = []

  get size(): number {
    return this.things.length
  }

  /** A copy: those in it may go meanwhile. */
  all(): ReadonlyArray<A> {
    return this.things.slice()
  }

  [Symbol.iterator](): Iterator<A> {
    return this.things[Symbol.iterator]()
  }

  add(thing: A): void {
    thing.place = this.things.push(thing) - 1
  }

  /** Does nothing with what is not in it. */
  remove(thing: A): void {
    const { place } = thing
    if (place === -1) return
    thing.place = -1
    const last = this.things.pop()!
    if (last === thing) return
    this.things[place] = last
    last.place = place
  }
}
