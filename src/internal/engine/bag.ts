/**
 * An unordered collection whose members know their index: adding and removing take constant time, without hashing
 * or allocation.
 */
export interface Placed {
  /** Its index in the bag, or -1. */
  place: number
}

export class Bag<A extends Placed> implements Iterable<A> {
  private readonly things: Array<A> = []

  get size(): number {
    return this.things.length
  }

  /** A copy, so that members may be removed meanwhile. */
  all(): ReadonlyArray<A> {
    return this.things.slice()
  }

  [Symbol.iterator](): Iterator<A> {
    return this.things[Symbol.iterator]()
  }

  add(thing: A): void {
    thing.place = this.things.push(thing) - 1
  }

  /** Does nothing if it is not in the bag. */
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
