/**
 * A map for keys that come and go. In a plain `Map` every deletion leaves a gap in
 * the key's chain until the next rehash, so that setting and deleting one key
 * again and again costs as much as the map is large. Here a key that goes from a
 * large map leaves its place, which it finds again; when there are more empty
 * places than keys they are given up, and all of them with the last key.
 */
const small = 64

export class KeyMap<A extends object> {
  private readonly places = new Map<string, A | undefined>()
  private empty = 0

  get size(): number {
    return this.places.size - this.empty
  }

  get(key: string): A | undefined {
    return this.places.get(key)
  }

  /** Adds a key that is not there. */
  add(key: string, value: A): void {
    const { size } = this.places
    this.places.set(key, value)
    if (this.places.size === size) this.empty--
  }

  /** Removes a key that is there. */
  remove(key: string): void {
    const { places } = this
    if (places.size <= small) {
      places.delete(key)
    } else {
      places.set(key, undefined)
      this.empty++
    }
    if (this.empty === places.size || this.empty > small + places.size / 2) this.compact()
  }

  /** Gives up the empty places. */
  compact(): void {
    if (this.empty === 0) return
    if (this.empty === this.places.size) this.places.clear()
    else for (const [key, value] of this.places) if (value === undefined) this.places.delete(key)
    this.empty = 0
  }

  entries(): ReadonlyArray<readonly [string, A]> {
    return Array.from(this.places).filter((place): place is [string, A] => place[1] !== undefined)
  }
}
