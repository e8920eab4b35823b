/** Who holds which key in the memory of this process, until when, and who waits for it. */
import * as KeyMap from "../engine/keyMap.ts"
import type { Bearer, Hold, Looked } from "../shortcuts.ts"

/** Below this many entries nobody looks for expired ones. */
const smallestSweep = 64

const nobody: Bearer = { text: "", token: "" }

/** Somebody whose token has not been asked for is nobody else. */
const areOne = (a: Bearer, b: Bearer): boolean => a === b || (a.text !== undefined && a.text === b.text)

export class Entry implements KeyMap.Place, Hold {
  vacant = true
  bearer: Bearer = nobody
  expiresAt = 0
  fencingToken = 0
  readonly key: string
  private readonly table: Table

  constructor(table: Table, key: string) {
    this.table = table
    this.key = key
  }

  free(bearer: Bearer): boolean {
    if (this.vacant || !areOne(this.bearer, bearer)) return false
    this.table.vacate(this)
    this.table.notify(this.key)
    return true
  }
}

/** A holder that never frees its key leaves an entry, which ends with its lease. */
export class Table {
  private readonly entries: KeyMap.KeyMap<Entry>
  private readonly listeners = new Map<string, Set<() => void>>()
  private sweepAt = smallestSweep
  private fencingToken = 0

  constructor(soon: (task: () => void) => void) {
    this.entries = KeyMap.make((key) => new Entry(this, key), soon)
  }

  readonly take = (key: string, bearer: Bearer, expiresMillis: number, now: number): Entry | undefined => {
    const { entries } = this
    const found = entries.find(key)
    if (found !== undefined && !found.vacant && found.expiresAt > now && !areOne(found.bearer, bearer)) return undefined
    const entry = entries.occupy(key, found)
    entry.bearer = bearer
    entry.expiresAt = now + expiresMillis
    entry.fencingToken = ++this.fencingToken
    if (entries.size() > this.sweepAt) this.sweep(now)
    return entry
  }

  readonly look = (key: string, now: number): Looked | undefined => {
    const entry = this.live(key, now)
    return entry && { bearer: entry.bearer, remainingMillis: entry.expiresAt - now }
  }

  live(key: string, now: number): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || entry.expiresAt > now) return entry
    this.vacate(entry)
    return undefined
  }

  vacate(entry: Entry): void {
    entry.bearer = nobody
    this.entries.vacate(entry)
  }

  /** When they could be half of all, so that the table is never more than twice as large as what is held. */
  private sweep(now: number): void {
    for (const entry of this.entries.values()) if (entry.expiresAt <= now) this.vacate(entry)
    this.sweepAt = Math.max(smallestSweep, 2 * this.entries.size())
  }

  /** Those that are held now. */
  held(now: number): ReadonlyArray<Entry> {
    return this.entries.values().filter(({ expiresAt }) => expiresAt > now)
  }

  /** How many wait to hear that a key is free. */
  waiting(key: string): number {
    return this.listeners.get(key)?.size ?? 0
  }

  listen(key: string, listener: () => void): () => void {
    const waiting = this.listeners.get(key) ?? new Set()
    this.listeners.set(key, waiting.add(listener))
    return () => {
      if (waiting.delete(listener) && waiting.size === 0) this.listeners.delete(key)
    }
  }

  notify(key: string): void {
    this.listeners.get(key)?.forEach((listener) => listener())
  }
}
