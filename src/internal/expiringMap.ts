/** A map whose entries expire. */
import { PassingMap } from "./passing.ts"

/** An entry, with when it expires, in milliseconds of the monotonic clock. */
export interface Expiring {
  readonly endsAt: number
}

/**
 * Removes expired entries, which perhaps nobody else ever removes, whenever it has doubled in size: so
 * it stays small without a timer. An entry that has expired may still be there.
 */
export class ExpiringMap<V extends Expiring> {
  private readonly entries = new PassingMap<string, V>()
  private limit = 64

  get size(): number {
    return this.entries.size
  }

  get(key: string): V | undefined {
    return this.entries.get(key)
  }

  set(key: string, value: V, now: number): void {
    this.entries.set(key, value)
    if (this.entries.size < this.limit) return
    for (const [ended, { endsAt }] of this.entries.list()) if (endsAt <= now) this.entries.delete(ended)
    this.limit = Math.max(64, this.entries.size * 2)
  }

  delete(key: string): boolean {
    return this.entries.delete(key)
  }
}
