/**
 * A map and a set for entries that come and go with each call.
 *
 * V8 gives a `Map` that is full of gaps, or is cleared, a new table, and the old table points to it.
 * Once an old table has moved to the old generation, it keeps alive whatever enters the map later,
 * until the next full collection: all short-lived objects are then copied as if they were to stay, in
 * pauses ten times as long. So these start afresh now and then, with a map that nothing points to.
 *
 * The same goes for what is put into them: if many objects of one literal have lived long, V8
 * allocates the next ones in the old generation. So they are instances of classes.
 */

/** How many deletions there are before a fresh start: so many that it costs nothing. */
const often = 256

export class PassingMap<K, V> {
  private entries = new Map<K, V>()
  private gone = 0

  get size(): number {
    return this.entries.size
  }

  has(key: K): boolean {
    return this.entries.has(key)
  }

  get(key: K): V | undefined {
    return this.entries.get(key)
  }

  set(key: K, value: V): void {
    this.entries.set(key, value)
  }

  delete(key: K): boolean {
    if (!this.entries.delete(key)) return false
    if (++this.gone > often + this.entries.size) {
      this.gone = 0
      this.entries = new Map(this.entries)
    }
    return true
  }

  /** Those that are there now, the first first. */
  list(): Array<[K, V]> {
    return Array.from(this.entries)
  }
}

export class PassingSet<K> {
  private members = new Set<K>()
  private gone = 0

  get size(): number {
    return this.members.size
  }

  add(member: K): void {
    this.members.add(member)
  }

  delete(member: K): boolean {
    if (!this.members.delete(member)) return false
    if (++this.gone > often + this.members.size) {
      this.gone = 0
      this.members = new Set(this.members)
    }
    return true
  }

  /** Those that are there now, the first first. */
  list(): Array<K> {
    return Array.from(this.members)
  }

  clear(): void {
    this.members = new Set()
  }
}
