import { PassingMap } from "./passing.ts"

/** What has an end by itself, in milliseconds of the monotonic clock. */
export interface Ending {
  readonly endsAt: number
}

/**
 * A map whose entries may go once they have ended, for what nobody may ever take
 * out. It looks for them whenever it has doubled, so it stays small without a timer.
 */
export class EndingMap<V extends Ending> {
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
