/**
 * A map and a set for what comes and goes, call by call.
 *
 * V8 gives a `Map` that is full of gaps, or is cleared, a new table, to which the
 * one before points. Once such a table has grown old it keeps alive whatever comes
 * into the map after it, until the next full collection: all short-lived objects are
 * then copied as if they were to stay, by pauses ten times as long. So these begin
 * anew every now and then, with a map that nothing points to.
 *
 * It is the same with what is put into them: of object literals, many of which have
 * lived for long, V8 makes the next ones old from the start. So they are of classes.
 */

/** How often something goes before a new one, which is seldom enough to cost nothing. */
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
